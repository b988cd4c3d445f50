// SPDX-License-Identifier: Apache-2.0
#include "sys/mounts.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"

namespace tare::sys {
namespace {

// What the kernel says about a failed step of a file system context: "e overlay: ..." messages, one
// a read. [fsopen(2), "message retrieval interface"]
std::string kernel_messages(int context) {
  std::string all;
  constexpr int kMost = 8;
  for (int count = 0; count < kMost; ++count) {
    char line[512];
    const ssize_t size = ::read(context, line, sizeof line);
    if (size <= 0) break;
    std::string_view text = trim(std::string_view(line, static_cast<std::size_t>(size)));
    if (text.size() > 2 && text[1] == ' ') text.remove_prefix(2);  // The level: e, w or i.
    if (!all.empty()) all += "; ";
    all += escaped(text);
  }
  return all;
}

std::unexpected<Error> fail_context(int context, const std::string& what) {
  const int saved = errno;
  const std::string said = kernel_messages(context);
  return std::unexpected(Error::sys(saved, said.empty() ? what : what + " (" + said + ")"));
}

Result<> configure(int context, const char* type, const FsOption& option) {
  int rc = 0;
  if (option.fd >= 0) {
    rc = ::fsconfig(context, FSCONFIG_SET_FD, option.key.c_str(), nullptr, option.fd);
  } else if (option.value.empty()) {
    rc = ::fsconfig(context, FSCONFIG_SET_FLAG, option.key.c_str(), nullptr, 0);
  } else {
    rc = ::fsconfig(context, FSCONFIG_SET_STRING, option.key.c_str(), option.value.c_str(), 0);
  }
  if (rc != 0)
    return fail_context(context, "option " + quoted(option.key) + " of a " + type + " mount");
  return {};
}

}  // namespace

Result<Fd> mount_filesystem(const char* type, std::span<const FsOption> options,
                            std::uint64_t attributes) {
  const Fd context(::fsopen(type, FSOPEN_CLOEXEC));
  if (!context) return fail_errno("open a file system of type " + quoted(type));
  for (const FsOption& option : options) TRY(configure(context.get(), type, option));
  if (::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
    return fail_context(context.get(), std::string("make a ") + type + " mount");
  Fd mount(::fsmount(context.get(), FSMOUNT_CLOEXEC, static_cast<unsigned>(attributes)));
  if (!mount) return fail_context(context.get(), std::string("make a ") + type + " mount");
  return mount;
}

Result<Fd> clone_mount(int fd, bool recursive) {
  const unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH |
                         (recursive ? static_cast<unsigned>(AT_RECURSIVE) : 0U);
  Fd mount(::open_tree(fd, "", flags));
  if (!mount) return fail_errno("make a bind mount");
  return mount;
}

Result<Fd> clone_mount(const std::string& path) {
  Fd mount(::open_tree(AT_FDCWD, path.c_str(),
                       OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW));
  if (!mount) return fail_errno("make a bind mount of " + quoted(path));
  return mount;
}

Result<> attach_mount(int mount, int target) {
  constexpr unsigned kByDescriptor = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
  if (::move_mount(mount, "", target, "", kByDescriptor) != 0) return fail_errno("attach a mount");
  return {};
}

Result<> unmount(const std::string& path) {
  if (::umount2(path.c_str(), UMOUNT_NOFOLLOW) != 0) return fail_errno("unmount " + quoted(path));
  return {};
}

Result<> set_mount_attributes(int mount, std::uint64_t set, std::uint64_t clear, bool recursive,
                              std::uint64_t propagation) {
  struct mount_attr attributes{};
  attributes.attr_set = set;
  attributes.attr_clr = clear;
  attributes.propagation = propagation;
  const unsigned flags = AT_EMPTY_PATH | (recursive ? static_cast<unsigned>(AT_RECURSIVE) : 0U);
  if (::mount_setattr(mount, "", flags, &attributes, sizeof attributes) != 0)
    return fail_errno("change a mount's attributes");
  return {};
}

Result<> set_mount_propagation(int mount, std::uint64_t propagation) {
  struct mount_attr attributes{};
  attributes.propagation = propagation & ~static_cast<std::uint64_t>(MS_REC);
  const bool recursive = (propagation & MS_REC) != 0;
  const unsigned flags = AT_EMPTY_PATH | (recursive ? static_cast<unsigned>(AT_RECURSIVE) : 0U);
  if (::mount_setattr(mount, "", flags, &attributes, sizeof attributes) != 0)
    return fail_errno("change a mount's propagation");
  return {};
}

Result<> idmap_mount(int mount, int user_namespace, bool recursive) {
  struct mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_IDMAP;
  attributes.userns_fd = static_cast<std::uint64_t>(user_namespace);
  const unsigned flags = AT_EMPTY_PATH | (recursive ? static_cast<unsigned>(AT_RECURSIVE) : 0U);
  if (::mount_setattr(mount, "", flags, &attributes, sizeof attributes) == 0) return {};
  // EINVAL is how the kernel says that the file system has no FS_ALLOW_IDMAP, or that it is mapped
  // already. [mount_setattr(2), ERRORS]
  if (errno == EINVAL)
    return fail(Kind::Unsupported,
                "id-mapped mounts are not possible on this file system: Invalid argument (EINVAL)");
  return fail_errno("map the ids of a mount");
}

}  // namespace tare::sys
