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
#include <memory>
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

// The data at `in` or behind it, before `end`: where it begins and how much there is.
struct Data {
  off_t begin = 0;
  std::uint64_t bytes = 0;
};
Data next_data(int from, off_t in, off_t end) {
  constexpr off_t kNoHoles = 1 << 20;  // Smaller contents are not worth the looking.
  const Data all{.begin = in, .bytes = static_cast<std::uint64_t>(end - in)};
  if (end - in <= kNoHoles) return all;
  const off_t data = ::lseek(from, in, SEEK_DATA);
  if (data < 0) return errno == ENXIO ? Data{.begin = end, .bytes = 0} : all;
  if (data >= end) return {.begin = end, .bytes = 0};
  const off_t hole = ::lseek(from, data, SEEK_HOLE);
  const off_t stop = hole < 0 ? end : std::min(hole, end);
  return {.begin = data, .bytes = static_cast<std::uint64_t>(stop - data)};
}

Result<> copy_data(int from, off_t in, int to, std::uint64_t size) {
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

// Holes stay holes: a file may be a thousand times larger than what is in it.
Result<> copy_bytes(int from, std::uint64_t offset, int to, std::uint64_t size) {
  auto in = static_cast<off_t>(offset);
  const auto end = static_cast<off_t>(offset + size);
  while (in < end) {
    const Data data = next_data(from, in, end);
    if (data.begin > in && ::lseek(to, data.begin - in, SEEK_CUR) < 0)
      return fail_errno("leave a hole");
    TRY(copy_data(from, data.begin, to, data.bytes));
    in = data.begin + static_cast<off_t>(data.bytes);
  }
  // What is missing in the pack is not a hole.
  struct stat info{};
  if (::fstat(from, &info) != 0) return fail_errno("look at its content");
  if (info.st_size < end)
    return fail(Kind::Corrupt, "the content of a layer in the store ends too early");
  if (::ftruncate(to, static_cast<off_t>(size)) != 0) return fail_errno("set its size");
  return {};
}

class TreeMaker {
 public:
  explicit TreeMaker(const TreeRequest& request) : request_(request), tree_(request.image->tree) {}

  Result<> run() {
    TRY(prepare());
    open_.push_back({.id = request_.top, .name = {}});
    while (!open_.empty()) {
      const Directory next = std::move(open_.back());
      open_.pop_back();
      const std::string path = next.name.path();
      TRY(fill(next.id, path), "directory " + quoted(path));
    }
    return {};
  }

 private:
  // Many have the same parent, whose path may have thousands of bytes.
  struct Path {
    std::shared_ptr<const std::string> parent;  // None: the root's.
    const std::string* last = nullptr;          // The tree's own.

    std::string path() const {
      if (last == nullptr) return ".";
      return *parent == "." ? *last : *parent + "/" + *last;
    }
  };
  struct Directory {
    Id id = 0;
    Path name;
  };

  Result<> prepare();
  Result<sys::Fd> open_directory(const std::string& path) const;
  Result<> fill(Id id, const std::string& path);
  Result<> make(int dir, const Path& path, Id id);
  Result<> make_regular(int dir, const std::string& name, const Inode& inode);
  Result<> write_content(int file, const Inode& inode);
  Result<> redirect(int file, const Inode& inode);
  Result<> finish_by_name(int dir, const std::string& name, const Inode& inode);
  Result<> own(int dir, const std::string& name, const Inode& inode);
  Result<> set_xattrs(int file, const Inode& inode);

  const TreeRequest& request_;
  const MergedTree& tree_;
  sys::IdMap groups_;
  std::uint32_t root_ = 0;
  std::vector<sys::Fd> packs_;
  std::vector<Directory> open_;
  std::unordered_map<Id, Path> first_names_;  // Of inodes with several.
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

Result<> TreeMaker::fill(Id id, const std::string& path) {
  const sys::Fd dir = TRY(open_directory(path));
  const Inode& self = tree_.inode(id);
  TRY(own(dir.get(), "", self));
  if (::fchmod(dir.get(), self.mode) != 0) return fail_errno("change the mode");
  TRY(set_xattrs(dir.get(), self));
  const auto own_path = std::make_shared<const std::string>(path);
  for (const auto& [name, entry] : self.children())
    TRY(make(dir.get(), {.parent = own_path, .last = &name}, entry.inode), "file " + quoted(name));
  // The time last. What is put into its directories later does not change it.
  const timespec time = to_timespec(self.mtime);
  const timespec times[2] = {time, time};
  if (::futimens(dir.get(), times) != 0) return fail_errno("set the time");
  return {};
}

Result<> TreeMaker::make(int dir, const Path& path, Id id) {
  const Inode& inode = tree_.inode(id);
  const std::string& name = *path.last;
  if (inode.type != tar::Type::Directory && inode.names > 1) {
    const auto [first, is_new] = first_names_.try_emplace(id, path);
    if (!is_new) {
      const std::string other = first->second.path();
      if (::linkat(request_.root, other.c_str(), dir, name.c_str(), 0) != 0)
        return fail_errno("link to " + quoted(other));
      return {};
    }
  }
  switch (inode.type) {
    case tar::Type::Directory:
      if (::mkdirat(dir, name.c_str(), 0700) != 0) return fail_errno("make the directory");
      open_.push_back({.id = id, .name = path});
      return {};
    case tar::Type::Symlink:
      if (::symlinkat(inode.link().c_str(), dir, name.c_str()) != 0)
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
  for (const auto& [name, value] : inode.xattrs()) {
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

}  // namespace

Result<> make_tree(const TreeRequest& request) { return TreeMaker(request).run(); }

}  // namespace tare::store
