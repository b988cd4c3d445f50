// SPDX-License-Identifier: Apache-2.0
// Directory by directory, each opened by its whole path without following any link: the tree is
// ours alone, and names in it are single components. Content first, then the owner, then the mode
// (chown(2) clears setuid), then the attributes (chown clears capabilities), then the time.
#include "store/tree_maker.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <deque>
#include <unordered_map>

#include "base/text.h"
#include "sys/user_namespace.h"

namespace tare::store {
namespace {

using Inode = MergedTree::Inode;
using Id = MergedTree::Id;

timespec to_timespec(UnixNanos when) {  // Before 1970 as well.
  constexpr std::int64_t kSecond = 1'000'000'000;
  const std::int64_t nanos = (when % kSecond + kSecond) % kSecond;
  return timespec{.tv_sec = (when - nanos) / kSecond, .tv_nsec = nanos};
}

// A capability of version 3, which counts in the namespace of that root only. [capabilities(7)]
std::string owned_capability(const std::string& value, std::uint32_t root) {
  constexpr std::uint32_t kVersion3 = 0x03000000;
  constexpr std::uint32_t kVersionMask = 0xff000000;
  std::uint32_t magic = 0;
  if (value.size() < 20) return value;
  std::memcpy(&magic, value.data(), sizeof magic);
  magic = (magic & ~kVersionMask) | kVersion3;
  std::string out = value.substr(0, 20);
  std::memcpy(out.data(), &magic, sizeof magic);
  return out.append(reinterpret_cast<const char*>(&root), sizeof root);
}

Result<> copy_bytes(int from, std::uint64_t offset, int to, std::uint64_t size) {
  auto in = static_cast<off_t>(offset);
  while (size > 0) {
    ssize_t count = ::copy_file_range(from, &in, to, nullptr, size, 0);
    if (count < 0 &&
        (errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS)) {
      char buffer[64 << 10];
      count = ::pread(from, buffer, std::min<std::uint64_t>(size, sizeof buffer), in);
      if (count > 0) TRY(sys::write_all(to, {buffer, static_cast<std::size_t>(count)}));
      in += std::max<ssize_t>(count, 0);
    }
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno("copy its content");
    if (count == 0)
      return fail(Kind::Corrupt, "the content of a layer in the store ends too early");
    size -= static_cast<std::uint64_t>(count);
  }
  return {};
}

class TreeMaker {
 public:
  explicit TreeMaker(const TreeRequest& request) : request_(request), tree_(request.image->tree) {}

  Result<> run() {
    TRY(prepare());
    open_.push_back({.id = request_.top, .path = "."});
    while (!open_.empty()) {
      const Directory next = std::move(open_.front());
      open_.pop_front();
      TRY(fill(next), "directory " + quoted(next.path));
      done_.push_back(next);
    }
    // The times of directories last, deepest first: filling changes them.
    for (auto dir = done_.rbegin(); dir != done_.rend(); ++dir) TRY(set_time(*dir));
    return {};
  }

 private:
  struct Directory {
    Id id = 0;
    std::string path;
  };

  Result<> prepare();
  Result<sys::Fd> open_directory(const std::string& path) const;
  Result<> fill(const Directory& at);
  Result<> make(int dir, const Directory& at, const std::string& name, Id id);
  Result<> make_regular(int dir, const std::string& name, const Inode& inode);
  Result<> write_content(int file, const Inode& inode);
  Result<> redirect(int file, const Inode& inode);
  Result<> finish_by_name(int dir, const std::string& name, const Inode& inode);
  Result<> own(int dir, const std::string& name, const Inode& inode);
  Result<> set_xattrs(int file, const Inode& inode);
  Result<> set_time(const Directory& at);

  const TreeRequest& request_;
  const MergedTree& tree_;
  sys::IdMap groups_;
  std::uint32_t root_ = 0;
  std::vector<sys::Fd> packs_;
  std::deque<Directory> open_;
  std::vector<Directory> done_;
  std::unordered_map<Id, std::string> first_names_;  // Of inodes with several.
};

Result<> TreeMaker::prepare() {
  groups_ = request_.ids.groups();
  root_ = TRY(request_.ids.outside_of(0));
  for (const Digest& pack : request_.image->packs)
    packs_.push_back(TRY(open_pack(*request_.store, pack)));
  return {};
}

Result<sys::Fd> TreeMaker::open_directory(const std::string& path) const {
  open_how how{};
  how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  const long fd = ::syscall(SYS_openat2, request_.root, path.c_str(), &how, sizeof how);
  if (fd < 0) return fail_errno("open it");
  return sys::Fd(static_cast<int>(fd));
}

Result<> TreeMaker::fill(const Directory& at) {
  const sys::Fd dir = TRY(open_directory(at.path));
  const Inode& self = tree_.inode(at.id);
  TRY(own(dir.get(), "", self));
  if (::fchmod(dir.get(), self.mode) != 0) return fail_errno("change the mode");
  TRY(set_xattrs(dir.get(), self));
  for (const auto& [name, entry] : self.children)
    TRY(make(dir.get(), at, name, entry.inode), "file " + quoted(name));
  return {};
}

Result<> TreeMaker::make(int dir, const Directory& at, const std::string& name, Id id) {
  const Inode& inode = tree_.inode(id);
  const std::string path = at.path == "." ? name : at.path + "/" + name;
  if (inode.type != tar::Type::Directory && inode.names > 1) {
    const auto [first, is_new] = first_names_.try_emplace(id, path);
    if (!is_new) {
      if (::linkat(request_.root, first->second.c_str(), dir, name.c_str(), 0) != 0)
        return fail_errno("link to " + quoted(first->second));
      return {};
    }
  }
  switch (inode.type) {
    case tar::Type::Directory:
      if (::mkdirat(dir, name.c_str(), 0700) != 0) return fail_errno("make the directory");
      open_.push_back({.id = id, .path = path});
      return {};
    case tar::Type::Symlink:
      if (::symlinkat(inode.link.c_str(), dir, name.c_str()) != 0)
        return fail_errno("make the symbolic link");
      return finish_by_name(dir, name, inode);
    case tar::Type::Fifo:
      if (::mknodat(dir, name.c_str(), S_IFIFO | 0600, 0) != 0) return fail_errno("make the fifo");
      return finish_by_name(dir, name, inode);
    case tar::Type::CharDevice:
    case tar::Type::BlockDevice:
      // SECURITY: a device node of an image would be a door to the host's hardware; a container's
      // devices are made by the engine. tests/contract/rootfs_test.cc
      return {};
    default:
      return make_regular(dir, name, inode);
  }
}

Result<> TreeMaker::make_regular(int dir, const std::string& name, const Inode& inode) {
  sys::Fd file = TRY(sys::open_at(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  const bool redirected =
      inode.content.pack == kInObject && request_.large == LargeFiles::Redirected;
  if (redirected)
    TRY(redirect(file.get(), inode));
  else
    TRY(write_content(file.get(), inode));
  TRY(own(file.get(), "", inode));
  if (::fchmod(file.get(), inode.mode) != 0) return fail_errno("change the mode");
  TRY(set_xattrs(file.get(), inode));
  const timespec time = to_timespec(inode.mtime);
  const timespec times[2] = {time, time};
  if (::futimens(file.get(), times) != 0) return fail_errno("set the time");
  return file.close();
}

Result<> TreeMaker::write_content(int file, const Inode& inode) {
  if (inode.content.pack == kNowhere) return {};
  if (inode.content.pack != kInObject)
    return copy_bytes(packs_[request_.image->pack_of(inode)].get(), inode.content.offset, file,
                      inode.size);
  const sys::Fd object = TRY(sys::open_at(
      request_.store->dir(), object_path(digest_of(inode.content.digest)), O_RDONLY | O_NOFOLLOW));
  return copy_bytes(object.get(), 0, file, inode.size);
}

// [kernel: Documentation/filesystems/overlayfs.rst, "Metadata only copy up", "Data-only lower
// layers"]
Result<> TreeMaker::redirect(int file, const Inode& inode) {
  if (::ftruncate(file, static_cast<off_t>(inode.size)) != 0) return fail_errno("set the size");
  const std::string prefix =
      sys::in_initial_user_namespace() ? "trusted.overlay." : "user.overlay.";
  const std::string target =
      object_path(digest_of(inode.content.digest)).substr(std::strlen("objects"));
  if (::fsetxattr(file, (prefix + "metacopy").c_str(), "", 0, 0) != 0 ||
      ::fsetxattr(file, (prefix + "redirect").c_str(), target.data(), target.size(), 0) != 0)
    return fail_errno("redirect it to its object");
  return {};
}

// What cannot be opened. Nobody else writes here, so the name is still what was made above.
Result<> TreeMaker::finish_by_name(int dir, const std::string& name, const Inode& inode) {
  TRY(own(dir, name, inode));
  if (inode.type == tar::Type::Fifo && ::fchmodat(dir, name.c_str(), inode.mode, 0) != 0)
    return fail_errno("change the mode");
  const timespec time = to_timespec(inode.mtime);
  const timespec times[2] = {time, time};
  if (::utimensat(dir, name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0)
    return fail_errno("set the time");
  return {};
}

Result<> TreeMaker::own(int dir, const std::string& name, const Inode& inode) {
  const auto outside = request_.ids.outside_of(inode.uid);
  const auto group = groups_.outside_of(inode.gid);
  if (!outside || !group)
    return fail(Kind::Unsupported, "it belongs to user id " + std::to_string(inode.uid) +
                                       " and group id " + std::to_string(inode.gid) +
                                       ", which the id range of this container does not have");
  if (::fchownat(dir, name.c_str(), *outside, *group, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) != 0)
    return fail_errno("change the owner to " + std::to_string(inode.uid) + ":" +
                      std::to_string(inode.gid));
  return {};
}

Result<> TreeMaker::set_xattrs(int file, const Inode& inode) {
  for (const auto& [name, value] : inode.xattrs) {
    const bool capability = name == "security.capability";
    const std::string own =
        capability && request_.v3_capabilities ? owned_capability(value, root_) : value;
    if (::fsetxattr(file, name.c_str(), own.data(), own.size(), 0) == 0) continue;
    // A file system without attributes, or a capability in a namespace that may not set it: the
    // file has less power than in the image, never more. A malformed capability is the image's own
    // fault.
    if (errno != EOPNOTSUPP && errno != EPERM) return fail_errno("set attribute " + quoted(name));
  }
  return {};
}

Result<> TreeMaker::set_time(const Directory& at) {
  const sys::Fd dir = TRY(open_directory(at.path));
  const timespec time = to_timespec(tree_.inode(at.id).mtime);
  const timespec times[2] = {time, time};
  if (::futimens(dir.get(), times) != 0)
    return fail_errno("set the time of directory " + quoted(at.path));
  return {};
}

}  // namespace

Result<> make_tree(const TreeRequest& request) { return TreeMaker(request).run(); }

}  // namespace tare::store
