// SPDX-License-Identifier: Apache-2.0
// A tree beside what it was made from: names, types, modes, times, sizes, links and contents.
// Owners are not compared: the name of a tree tells only a sum of its id map.
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <deque>
#include <memory>

#include "base/text.h"
#include "codec/sha256.h"
#include "store/streams.h"
#include "store/tree_maker.h"
#include "sys/files.h"
#include "sys/user_namespace.h"

namespace tare::store {
namespace {

using Inode = MergedTree::Inode;
using Id = MergedTree::Id;

std::unexpected<Error> changed(std::string_view what) {
  return fail(Kind::Corrupt, std::string(what) + " was changed on disk");
}

bool is_device(const Inode& inode) {
  return inode.type == tar::Type::CharDevice || inode.type == tar::Type::BlockDevice;
}

mode_t type_of(const Inode& inode) {
  switch (inode.type) {
    case tar::Type::Directory:
      return S_IFDIR;
    case tar::Type::Symlink:
      return S_IFLNK;
    case tar::Type::Fifo:
      return S_IFIFO;
    default:
      return S_IFREG;
  }
}

class TreeChecker {
 public:
  TreeChecker(const ImageTree& image, int root, LargeFiles large)
      : tree_(image.tree), root_(root), large_(large) {}

  Result<> run() {
    open_.push_back({.id = 0, .path = "."});
    while (!open_.empty()) {
      const Directory next = std::move(open_.front());
      open_.pop_front();
      TRY(directory(next), "directory " + quoted(next.path));
    }
    return {};
  }

 private:
  struct Directory {
    Id id = 0;
    std::string path;
  };

  Result<> directory(const Directory& at);
  Result<> file(int dir, const Directory& at, const std::string& name, Id id);
  Result<> regular(int dir, const std::string& name, const Inode& inode) const;
  static Result<> metadata(const struct stat& info, const Inode& inode);

  const MergedTree& tree_;
  int root_;
  LargeFiles large_;
  std::deque<Directory> open_;
};

Result<> TreeChecker::directory(const Directory& at) {
  open_how how{};
  how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  const sys::Fd dir(
      static_cast<int>(::syscall(SYS_openat2, root_, at.path.c_str(), &how, sizeof how)));
  if (!dir) return fail_errno("open it");
  const Inode& self = tree_.inode(at.id);
  struct stat info{};
  if (::fstat(dir.get(), &info) != 0) return fail_errno("stat");
  TRY(metadata(info, self));
  for (const std::string& name : TRY(sys::list_directory(dir.get())))
    if (!self.children().contains(name))
      return changed("its list of files, which has " + quoted(name));
  for (const auto& [name, entry] : self.children())
    if (!is_device(tree_.inode(entry.inode)))
      TRY(file(dir.get(), at, name, entry.inode), "file " + quoted(name));
  return {};
}

Result<> TreeChecker::metadata(const struct stat& info, const Inode& inode) {
  if ((info.st_mode & S_IFMT) != type_of(inode)) return changed("its type");
  if (inode.type != tar::Type::Symlink && (info.st_mode & 07777) != inode.mode)
    return changed("its mode");
  // File systems cut off times that they have no room for.
  constexpr std::int64_t kLatest = 0x7fffffffLL * 1'000'000'000;
  const std::int64_t time = info.st_mtim.tv_sec * 1'000'000'000LL + info.st_mtim.tv_nsec;
  if (inode.mtime >= 0 && inode.mtime <= kLatest && time != inode.mtime) return changed("its time");
  return {};
}

Result<> TreeChecker::file(int dir, const Directory& at, const std::string& name, Id id) {
  const Inode& inode = tree_.inode(id);
  if (inode.type == tar::Type::Directory) {
    open_.push_back({.id = id, .path = at.path == "." ? name : at.path + "/" + name});
    return {};
  }
  struct stat info{};
  if (::fstatat(dir, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return fail_errno("stat");
  TRY(metadata(info, inode));
  if (inode.type == tar::Type::Symlink) {
    char target[PATH_MAX];
    const ssize_t size = ::readlinkat(dir, name.c_str(), target, sizeof target);
    if (size < 0) return fail_errno("read the link");
    if (std::string_view(target, static_cast<std::size_t>(size)) != inode.link())
      return changed("its target");
  }
  if (inode.type != tar::Type::Regular) return {};
  if (static_cast<std::uint64_t>(info.st_size) != inode.size) return changed("its size");
  return regular(dir, name, inode);
}

Result<> TreeChecker::regular(int dir, const std::string& name, const Inode& inode) const {
  if (inode.content.pack == kNowhere) return {};
  const sys::Fd file = TRY(sys::open_at(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  if (inode.content.pack == kInObject && large_ == LargeFiles::Redirected) {
    // The object itself is looked at with the layer.
    const char* const attribute =
        sys::in_initial_user_namespace() ? "trusted.overlay.redirect" : "user.overlay.redirect";
    char target[256];
    const ssize_t size = ::fgetxattr(file.get(), attribute, target, sizeof target);
    const std::string wanted =
        object_path(digest_of(inode.content.digest)).substr(std::strlen("objects"));
    if (size < 0 || std::string_view(target, static_cast<std::size_t>(size)) != wanted)
      return changed("its redirection");
    return {};
  }
  FileSource source(file.get());
  codec::HashingSource hashing(source);
  const auto buffer = std::make_unique_for_overwrite<char[]>(256 << 10);
  while (TRY(hashing.read(buffer.get(), 256 << 10)) > 0) {
  }
  if (raw_digest(hashing.digest()) != inode.content.digest) return changed("its content");
  return {};
}

}  // namespace

Result<> check_tree(const ImageTree& image, int root, LargeFiles large) {
  return TreeChecker(image, root, large).run();
}

}  // namespace tare::store
