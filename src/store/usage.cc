// SPDX-License-Identifier: Apache-2.0
#include "store/usage.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "base/text.h"
#include "sys/fd.h"
#include "sys/files.h"

namespace tare::store {
namespace {

struct Row {
  std::string_view pattern;  // Whole components; "*" is any one of them.
  UsageClass which;
};

// The first row whose components are those that the path begins with.
constexpr Row kRows[] = {
    {"blobs/sha256/*", UsageClass::Blobs},
    {"objects/*/*", UsageClass::Objects},
    {"layers/*", UsageClass::Layers},
    {"rootfs/flat/*", UsageClass::Roots},
    {"rootfs/erofs/*", UsageClass::Roots},
    {"rootfs/redirect/*", UsageClass::Roots},
    {"rootfs", UsageClass::Bookkeeping},
    {"containers/*/upper", UsageClass::Upper},
    {"containers/*/work", UsageClass::Upper},
    {"containers/*/log", UsageClass::Logs},
    {"containers/*", UsageClass::Bookkeeping},
    {"volumes/*", UsageClass::Volumes},
    {"downloads/*", UsageClass::Downloads},
    {"cache/*", UsageClass::Caches},
    {"bin/*/*", UsageClass::Bin},
    {"tmp/*", UsageClass::Temporary},
    {"trash/*", UsageClass::Trash},
    // Directories whose entries are above, and what is bookkeeping as a whole.
    {"blobs", UsageClass::Bookkeeping},
    {"objects", UsageClass::Bookkeeping},
    {"layers", UsageClass::Bookkeeping},
    {"containers", UsageClass::Bookkeeping},
    {"volumes", UsageClass::Bookkeeping},
    {"downloads", UsageClass::Bookkeeping},
    {"cache", UsageClass::Bookkeeping},
    {"bin", UsageClass::Bookkeeping},
    {"tmp", UsageClass::Bookkeeping},
    {"trash", UsageClass::Bookkeeping},
    {"images", UsageClass::Bookkeeping},
    {"leaks", UsageClass::Bookkeeping},
    {"steps", UsageClass::Bookkeeping},
    {"builds", UsageClass::Bookkeeping},
    {"names", UsageClass::Bookkeeping},
    {"manifests", UsageClass::Bookkeeping},
    {"networks", UsageClass::Bookkeeping},
    {"container-names", UsageClass::Bookkeeping},
    {"ids", UsageClass::Bookkeeping},
    {"locks", UsageClass::Bookkeeping},
    {"namespace", UsageClass::Bookkeeping},
    {"settings", UsageClass::Bookkeeping},
    {"volume-ids", UsageClass::Bookkeeping},
    {"usage", UsageClass::Bookkeeping},
    {"sweep", UsageClass::Bookkeeping},
    {"mounts", UsageClass::Bookkeeping},
    {"moving", UsageClass::Bookkeeping},
    {"scrub", UsageClass::Bookkeeping},
    {"damaged", UsageClass::Bookkeeping},
};

constexpr std::string_view kNames[kUsageClasses] = {
    "blobs",     "objects", "layers", "rootfs",    "upper", "logs",        "volumes",
    "downloads", "caches",  "bin",    "temporary", "trash", "bookkeeping", "other"};

std::string_view first_component(std::string_view path) { return path.substr(0, path.find('/')); }

// The part of `path` that the pattern matches; empty when it does not.
std::string_view matched(std::string_view pattern, std::string_view path) {
  std::size_t at = 0;
  while (true) {
    if (at > path.size()) return {};
    const std::string_view wanted = first_component(pattern);
    const std::string_view found = first_component(path.substr(at));
    if (found.empty() || (wanted != "*" && wanted != found)) return {};
    at += found.size();
    if (wanted.size() == pattern.size()) return path.substr(0, at);
    pattern.remove_prefix(wanted.size() + 1);
    ++at;
  }
}

// A directory that is being walked. With many levels the descriptors of those far above are closed,
// and opened again by ".." on the way back: containers make trees of any depth.
struct Level {
  sys::Fd dir;
  dev_t device = 0;
  ino_t inode = 0;
  std::size_t path_size = 0;
  std::vector<std::string> names;
  std::size_t next = 0;
};

Result<sys::Fd> open_below(int dir, const std::string& path) {
  open_how how{};
  how.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  how.resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH;
  const long fd = ::syscall(SYS_openat2, dir, path.c_str(), &how, sizeof how);
  if (fd < 0) return fail_errno("open " + quoted(path));
  return sys::Fd(static_cast<int>(fd));
}

class Walk {
 public:
  explicit Walk(StoreUsage& usage) : usage_(usage) {}

  Result<> run(int root) {
    root_ = root;
    struct stat info{};
    if (::fstat(root, &info) != 0) return fail_errno("look at the store");
    count(info);
    sys::Fd top_dir = TRY(sys::open_at(root, ".", O_RDONLY | O_DIRECTORY));
    TRY(enter(std::move(top_dir), info));
    while (!levels_.empty()) {
      Level& top = levels_.back();
      path_.resize(top.path_size);
      if (top.next == top.names.size())
        TRY(leave());
      else
        TRY(visit(top, top.names[top.next++]));
    }
    return {};
  }

 private:
  static constexpr std::size_t kMostOpen = 100;

  void count(const struct stat& info) {
    if (info.st_nlink > 1 && !S_ISDIR(info.st_mode) &&
        !seen_.emplace(info.st_dev, info.st_ino).second)
      return;
    const PathOwner owner = owner_of(path_);
    const std::uint64_t bytes = static_cast<std::uint64_t>(info.st_blocks) * 512;
    UsageSum& sum = usage_.classes[static_cast<std::size_t>(owner.which)];
    sum.bytes += bytes;
    usage_.total.bytes += bytes;
    ++sum.files;
    ++usage_.total.files;
    if (last_ == usage_.owners.end() || last_->first != owner.owner)
      last_ = usage_.owners.try_emplace(std::string(owner.owner), 0).first;
    last_->second += bytes;
  }

  Result<> enter(sys::Fd dir, const struct stat& info) {
    auto names = sys::list_directory(dir.get());
    if (!names && names.error().kind() == Kind::NotFound) return {};  // Removed meanwhile.
    std::vector<std::string> listed = TRY(std::move(names));
    Level level{.dir = std::move(dir),
                .device = info.st_dev,
                .inode = info.st_ino,
                .path_size = path_.size(),
                .names = std::move(listed)};
    levels_.push_back(std::move(level));
    if (levels_.size() > kMostOpen) levels_[levels_.size() - 1 - kMostOpen].dir = sys::Fd();
    return {};
  }

  Result<> visit(const Level& level, const std::string& name) {
    struct stat info{};
    if (::fstatat(level.dir.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) return {};
      return fail_errno("look at " + quoted(path_ + "/" + name));
    }
    if (!path_.empty()) path_ += '/';
    path_ += name;
    if (!S_ISDIR(info.st_mode)) {
      count(info);
      return {};
    }
    auto child = open_below(level.dir.get(), name);
    const int problem = child ? 0 : child.error().errnum();
    if (problem == EXDEV || problem == ENOENT || problem == ENOTDIR) return {};
    sys::Fd dir = TRY(std::move(child));
    count(info);
    return enter(std::move(dir), info);
  }

  // Back to the directory above. Where that was moved meanwhile, what is left of it is given up: a
  // container that moves its directories about hides some of its files, and no others.
  Result<> leave() {
    const Level left = std::move(levels_.back());
    levels_.pop_back();
    if (levels_.empty() || levels_.back().dir) return {};
    if (reopen(levels_.back(), sys::open_at(left.dir.get(), "..", O_RDONLY | O_DIRECTORY)))
      return {};
    while (!levels_.empty() && !levels_.back().dir) {
      const std::string path =
          levels_.size() == 1 ? "." : path_.substr(0, levels_.back().path_size);
      if (!reopen(levels_.back(), open_below(root_, path))) levels_.pop_back();
    }
    return {};
  }

  static bool reopen(Level& level, Result<sys::Fd> dir) {
    struct stat info{};
    if (!dir || ::fstat(dir->get(), &info) != 0 || info.st_dev != level.device ||
        info.st_ino != level.inode)
      return false;
    level.dir = std::move(*dir);
    return true;
  }

  using Seen = std::set<std::pair<dev_t, ino_t>>;
  StoreUsage& usage_;
  std::map<std::string, std::uint64_t, std::less<>>::iterator last_ = usage_.owners.end();
  int root_ = -1;
  std::vector<Level> levels_;
  std::string path_;  // Of what is looked at, below the root.
  Seen seen_;         // Files with several names.
};

}  // namespace

std::string_view usage_class_name(UsageClass which) {
  return kNames[static_cast<std::size_t>(which)];
}

PathOwner owner_of(std::string_view path) {
  if (path.empty()) return {.which = UsageClass::Bookkeeping, .owner = path};
  for (const Row& row : kRows)
    if (const std::string_view owner = matched(row.pattern, path); !owner.empty())
      return {.which = row.which, .owner = owner};
  return {.which = UsageClass::Other, .owner = first_component(path)};
}

std::uint64_t StoreUsage::owner_bytes(std::string_view owner) const {
  const auto found = owners.find(owner);
  return found == owners.end() ? 0 : found->second;
}

std::uint64_t StoreUsage::bytes_below(std::string_view prefix) const {
  std::uint64_t sum = 0;
  for (auto at = owners.lower_bound(prefix); at != owners.end() && at->first.starts_with(prefix);
       ++at)
    sum += at->second;
  return sum;
}

Result<StoreUsage> measure_usage(int root) {
  StoreUsage usage;
  TRY(Walk(usage).run(root), "measure the store");
  return usage;
}

}  // namespace tare::store
