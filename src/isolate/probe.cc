// SPDX-License-Identifier: Apache-2.0
// What this kernel and user can do, found by trying, for `tare info`. Nothing here decides how a
// container is started: there a step works or fails the start.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/keyctl.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"
#include "isolate/isolate.h"
#include "isolate/plan.h"
#include "sys/limits.h"
#include "sys/mounts.h"
#include "sys/user_namespace.h"

namespace tare::isolate {
namespace {

// The sentence is about what is there, or about what is lost without it.
Feature feature(std::string name, bool available, std::string with, std::string without) {
  return {.name = std::move(name),
          .available = available,
          .detail = available ? std::move(with) : std::move(without)};
}

std::string last_error() { return errno_name(errno); }

std::string read_text(const std::string& path) {
  const auto file = sys::open_path(path, O_RDONLY);
  if (!file) return {};
  constexpr std::size_t kLimit = 1 << 20;
  const auto text = sys::read_all(file->get(), kLimit);
  return text ? std::string(trim(*text)) : std::string();
}

// Runs `probe` in a process of its own, in a new user and mount namespace where root of it is us.
// Returns 0 or the errno that it gave.
int in_user_namespace(int (*probe)()) {
  const uid_t uid = ::geteuid();
  const gid_t gid = ::getegid();
  const pid_t child = ::fork();
  if (child < 0) return errno;
  if (child == 0) {
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) ::_exit(errno);
    const auto write = [](const char* path, const std::string& text) {
      const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
      return fd >= 0 && ::write(fd, text.data(), text.size()) > 0;
    };
    if (!write("/proc/self/setgroups", "deny") ||
        !write("/proc/self/uid_map", fmt::format("0 {} 1", uid)) ||
        !write("/proc/self/gid_map", fmt::format("0 {} 1", gid)))
      ::_exit(errno);
    ::_exit(probe());
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return errno;
  return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

Feature user_namespaces() {
  const int failed = in_user_namespace([] { return 0; });
  return feature("user namespaces", failed == 0, "every container has its own ids",
                 "no container can be started (" + errno_name(failed) +
                     "): see user.max_user_namespaces and "
                     "kernel.apparmor_restrict_unprivileged_userns");
}

Feature id_ranges() {
  const auto ids = sys::available_ids();
  std::uint64_t count = 0;
  if (ids)
    for (const sys::IdRange& range : ids->ranges) count += range.count;
  constexpr std::uint64_t kRange = 65536;
  return feature("id ranges", count > kRange, fmt::format("{} ids for containers", count),
                 fmt::format("only {} ids: containers share them, see /etc/subuid", count));
}

// A tmpfs of our own shows whether the kernel can; the file system of a store is asked when used.
Feature idmapped_mounts() {
  const auto tree = sys::open_path("/", O_PATH | O_DIRECTORY);
  const auto clone =
      tree ? sys::clone_mount(tree->get(), false) : Result<sys::Fd>(std::unexpected(tree.error()));
  const sys::IdMap map{.ranges = {{0, 0, 1}}};
  const auto users = sys::make_user_namespace(map, map);
  bool works = false;
  std::string why = "they cannot be made by this user";
  if (clone && users) {
    const auto mapped = sys::idmap_mount(clone->get(), users->get());
    works = mapped.has_value();
    if (!works) why = mapped.error().message();
  }
  return feature("id-mapped mounts", works, "on the root file system",
                 why + ": images are copied for each id range, and bind mounts keep their owners");
}

// An overlay of two directories of a tmpfs, as root of a new user namespace.
int try_overlay() {
  const auto base = sys::mount_filesystem("tmpfs", {}, 0);
  if (!base) return base.error().errnum();
  const sys::Fd place(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (::move_mount(base->get(), "", place.get(), "",
                   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0 ||
      ::fchdir(base->get()) != 0)
    return errno;
  for (const char* name : {"low", "up", "work"})
    if (::mkdir(name, 0700) != 0) return errno;
  const sys::FsOption options[] = {{.key = "lowerdir", .value = "low"},
                                   {.key = "upperdir", .value = "up"},
                                   {.key = "workdir", .value = "work"},
                                   {.key = "userxattr", .value = ""}};
  const auto overlay = sys::mount_filesystem("overlay", options, 0);
  return overlay ? 0 : overlay.error().errnum();
}

Feature overlay() {
  const int failed = in_user_namespace(try_overlay);
  return feature("overlay in user namespaces", failed == 0,
                 "ordinary users share images without copies",
                 "ordinary users' containers copy their image (" + errno_name(failed) + ")");
}

Feature erofs() {
  const std::string known = read_text("/proc/filesystems");
  const bool there = known.find("\terofs") != std::string::npos;
  const bool ours = sys::in_initial_user_namespace();
  return feature("EROFS", there && ours, "images can be single read-only files",
                 there ? "only root may mount it: images are unpacked directories"
                       : "the kernel has it not: images are unpacked directories");
}

Feature cgroups() {
  const sys::CgroupHost& host = sys::cgroup_host();
  const char* layout = "none";
  if (host.layout == sys::CgroupLayout::V1) layout = "version 1";
  if (host.layout == sys::CgroupLayout::V2) layout = "version 2";
  if (host.layout == sys::CgroupLayout::Hybrid) layout = "version 1 with a version 2 tree";
  return feature("cgroups", host.writable,
                 fmt::format("{}, limits of: {}", layout,
                             host.controllers.empty() ? "nothing" : join(host.controllers, " ")),
                 fmt::format("{}: no limits ({})", layout, host.why_not));
}

Feature seccomp() {
  const std::uint32_t action = SECCOMP_RET_ERRNO;
  const bool there = ::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
  return feature("seccomp", there, "system calls are filtered",
                 "no container with a filter can be started (" + last_error() + ")");
}

Feature keyrings() {
  const long serial = ::syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);
  const bool blocked = serial < 0 && (errno == EPERM || errno == EACCES);
  return feature("session keyrings", !blocked,
                 serial < 0 && errno == ENOSYS ? "this kernel keeps no keys"
                                               : "every container has a keyring of its own",
                 "keyctl(2) is refused here: no container can be started");
}

Feature pidfds() {
  const sys::Fd self(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)));
  return feature("pidfd", static_cast<bool>(self), "processes are held by descriptor",
                 "this kernel is too old (Linux 5.12 is needed)");
}

Feature path_resolution() {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT;
  const sys::Fd root(static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof how)));
  return feature("openat2", static_cast<bool>(root), "paths of images are resolved by the kernel",
                 "this kernel is too old, or a filter hides it (" + last_error() + ")");
}

Feature new_mounts() {
  // An impossible call tells "is there" (EINVAL, EBADF) from "is not" (ENOSYS).
  const bool there = ::syscall(SYS_mount_setattr, -1, "", 0, nullptr, 0) == 0 || errno != ENOSYS;
  return feature("mounts by descriptor", there, "nothing is mounted by path",
                 "mount_setattr(2) is missing: Linux 5.12 is needed");
}

Feature landlock() {
  constexpr int kVersion = 1;  // LANDLOCK_CREATE_RULESET_VERSION
  const long abi = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, kVersion);
  return feature("Landlock", abi > 0, fmt::format("ABI {}", abi),
                 "unpacking is confined without it (" + last_error() + ")");
}

Feature security_modules() {
  const std::string modules = read_text("/sys/kernel/security/lsm");
  const bool apparmor = read_text("/sys/module/apparmor/parameters/enabled") == "Y";
  const bool selinux = ::access("/sys/fs/selinux/enforce", F_OK) == 0;
  return feature(
      "AppArmor or SELinux", apparmor || selinux, apparmor ? "AppArmor" : "SELinux",
      modules.empty() ? "neither is active" : "neither is active (active: " + modules + ")");
}

Feature rlimits() {
  return feature("raising resource limits", sys::may_raise_limits(), "--ulimit may go above ours",
                 "CAP_SYS_RESOURCE is missing: --ulimit stops at our own hard limits");
}

Feature proc_mount() {
  const int failed = in_user_namespace([] {
    if (::unshare(CLONE_NEWPID) != 0) return errno;
    const pid_t child = ::fork();
    if (child < 0) return errno;
    if (child == 0) {
      const auto proc = sys::mount_filesystem("proc", {}, 0);
      ::_exit(proc ? 0 : proc.error().errnum());
    }
    int status = 0;
    return ::waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
  });
  return feature("/proc in containers", failed == 0, "every container sees its own processes only",
                 "no container can be started (" + errno_name(failed) +
                     "): the /proc here is partly hidden, as inside other containers");
}

}  // namespace

std::vector<Feature> probe_features() {
  return {user_namespaces(), id_ranges(),  proc_mount(), idmapped_mounts(),  overlay(),
          erofs(),           cgroups(),    seccomp(),    keyrings(),         pidfds(),
          path_resolution(), new_mounts(), landlock(),   security_modules(), rlimits()};
}

}  // namespace tare::isolate
