// SPDX-License-Identifier: Apache-2.0
#include "store/apply_layer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"
#include "sys/files.h"

namespace tare::store {
namespace {

constexpr std::string_view kWhiteout = ".wh.";
constexpr std::string_view kWhiteoutMeta = ".wh..wh.";  // Of aufs; ".wh..wh..opq" is one of them.
constexpr std::string_view kOpaque = ".wh..wh..opq";

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

std::string name_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

bool is_directory_at(int dir, const std::string& name) {
  struct stat info{};
  return ::fstatat(dir, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(info.st_mode);
}

bool same_file(int dir_a, const std::string& a, int dir_b, const std::string& b) {
  struct stat one{};
  struct stat two{};
  return ::fstatat(dir_a, a.c_str(), &one, AT_SYMLINK_NOFOLLOW) == 0 &&
         ::fstatat(dir_b, b.c_str(), &two, AT_SYMLINK_NOFOLLOW) == 0 && one.st_dev == two.st_dev &&
         one.st_ino == two.st_ino;
}

}  // namespace

Result<std::string> member_path(std::string_view name) {
  std::string path;
  for (const std::string& part : split(name, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..")
      return fail(Kind::Invalid, "the name has '..' in it, which could lead out of the image");
    if (!path.empty()) path += '/';
    path += part;
  }
  if (path.find('\0') != std::string::npos)
    return fail(Kind::Invalid, "the name has a NUL byte in it");
  return path;
}

timespec to_timespec(UnixNanos when) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  const std::int64_t nanos = (when % kSecond + kSecond) % kSecond;
  return timespec{.tv_sec = (when - nanos) / kSecond, .tv_nsec = nanos};
}

Result<> TreeWriter::apply(codec::Source& layer, const std::function<void()>& progress) {
  made_.clear();
  tar::Reader reader(layer);
  while (TRY(reader.next())) {
    TRY(apply_entry(reader), "entry " + quoted(reader.entry().name));
    if (progress) progress();
  }
  return {};
}

Result<> TreeWriter::apply_entry(tar::Reader& reader) {
  const tar::Entry& entry = reader.entry();
  const std::string path = TRY(member_path(entry.name));
  if (TRY(apply_whiteout(path))) return {};
  Place place = TRY(find_place(path));
  TRY(make_room(place, entry.type));
  if (parent_.get() < 0) place = TRY(find_place(path));
  TRY(write_entry(place, reader));
  mark_made(path);
  return {};
}

// True when the entry is a whiteout or another piece of aufs bookkeeping, and dealt with.
// [image-spec 1.1 layer.md, "Whiteouts"]
Result<bool> TreeWriter::apply_whiteout(const std::string& path) {
  const std::string name = name_of(path);
  if (!name.starts_with(kWhiteout)) return false;
  if (name.starts_with(kWhiteoutMeta) && name != kOpaque) return true;
  const std::string hidden = name.substr(kWhiteout.size());
  if (hidden.empty() || hidden == "." || hidden == "..")
    return fail(Kind::Invalid, "the whiteout hides no file name");
  const std::string parent = parent_of(path);
  auto dir = sys::open_in_root(root_, parent, O_RDONLY | O_DIRECTORY);
  if (!dir && dir.error().kind() == Kind::NotFound) return true;  // Nothing there to hide.
  const sys::Fd directory = TRY(std::move(dir));
  if (name == kOpaque) {
    TRY(clear_lower(directory.get(), parent));
    return true;
  }
  const Place place{.path = parent.empty() ? hidden : parent + "/" + hidden,
                    .dir = directory.get(),
                    .name = hidden};
  if (!is_made(place.path)) {
    TRY(remove_at(place));
  } else if (is_directory_at(place.dir, place.name)) {
    const sys::Fd child =
        TRY(sys::open_at(place.dir, place.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    TRY(clear_lower(child.get(), place.path));
  }
  return true;
}

// Removes what lower layers left in a directory, and leaves what this layer made.
Result<> TreeWriter::clear_lower(int dir, const std::string& path) {
  for (const std::string& name : TRY(sys::list_directory(dir))) {
    const Place place{.path = path.empty() ? name : path + "/" + name, .dir = dir, .name = name};
    if (!is_made(place.path)) {
      TRY(remove_at(place));
    } else if (is_directory_at(dir, name)) {
      const sys::Fd child = TRY(sys::open_at(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
      TRY(clear_lower(child.get(), place.path));
    }
  }
  return {};
}

Result<TreeWriter::Place> TreeWriter::find_place(const std::string& path) {
  if (path.empty()) {
    TRY(open_parent(""));
    return Place{.path = "", .dir = parent_.get(), .name = "."};
  }
  TRY(open_parent(parent_of(path)));
  return Place{.path = path, .dir = parent_.get(), .name = name_of(path)};
}

Result<> TreeWriter::open_parent(const std::string& parent) {
  if (parent_.get() >= 0 && parent_path_ == parent) return {};
  auto found = sys::open_in_root(root_, parent, O_PATH | O_DIRECTORY);
  if (!found && found.error().kind() == Kind::NotFound) {
    // Made with the owner and mode that Docker gives to directories no entry speaks of: root, 0755.
    const sys::Parent above = TRY(sys::open_parent_in_root(root_, parent, true));
    if (::mkdirat(above.dir.get(), above.name.c_str(), 0755) != 0 && errno != EEXIST)
      return fail_errno("make its directory");
    found = sys::open_in_root(root_, parent, O_PATH | O_DIRECTORY);
  }
  if (!found && found.error().errnum() == ENOTDIR)
    return fail(Kind::Invalid, "its parent " + quoted(parent) + " is not a directory");
  parent_ = TRY(std::move(found), "its directory");
  parent_path_ = parent;
  return {};
}

// A directory stays when a directory comes; anything else makes room for the new entry.
Result<> TreeWriter::make_room(const Place& place, tar::Type type) {
  if (place.name == ".") {
    if (type == tar::Type::Directory) return {};
    return fail(Kind::Invalid, "the root of an image has to be a directory");
  }
  struct stat info{};
  if (::fstatat(place.dir, place.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return {};
    return fail_errno("look for it");
  }
  if (type == tar::Type::Directory && S_ISDIR(info.st_mode)) return {};
  if (type == tar::Type::HardLink) return {};  // write_hard_link() knows when it is the same file.
  return remove_at(place);
}

Result<> TreeWriter::remove_at(const Place& place) {
  if (is_directory_at(place.dir, place.name)) {
    const std::string below = place.path + "/";
    auto at = directory_times_.lower_bound(below);
    while (at != directory_times_.end() && at->first.starts_with(below))
      at = directory_times_.erase(at);
    directory_times_.erase(place.path);
  }
  TRY(sys::remove_tree(place.dir, place.name), "remove what an earlier layer has there");
  parent_.reset();
  return {};
}

void TreeWriter::mark_made(const std::string& path) {
  for (std::string at = path; !at.empty() && made_.insert(hash_(at)).second;) at = parent_of(at);
}

Result<> TreeWriter::finish() {
  for (const auto& [path, when] : directory_times_) {
    // Through the parent, so that a directory that became a link is not followed.
    sys::Fd dir;
    if (path.empty()) {
      dir = TRY(sys::open_in_root(root_, ".", O_RDONLY | O_DIRECTORY));
    } else {
      const auto parent = sys::open_parent_in_root(root_, path, false);
      if (!parent) continue;
      auto found =
          sys::open_at(parent->dir.get(), parent->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      if (!found) continue;
      dir = std::move(*found);
    }
    const timespec time = to_timespec(when);
    const timespec times[2] = {time, time};
    if (::futimens(dir.get(), times) != 0)
      return fail_errno("set the time of directory " + quoted(path));
  }
  return {};
}

// write_hard_link() is here and not with the other writers: it is about places.
Result<> TreeWriter::write_hard_link(const Place& place, const tar::Entry& entry) {
  const std::string target = TRY(member_path(entry.link), "link target " + quoted(entry.link));
  if (target.empty()) return fail(Kind::Invalid, "the hard link has no target");
  auto parent = sys::open_parent_in_root(root_, target, false);
  struct stat info{};
  if (!parent ||
      ::fstatat(parent->dir.get(), parent->name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0)
    return fail(Kind::Invalid, "the hard link's target " + quoted(entry.link) +
                                   " does not exist in this layer or below");
  if (!S_ISREG(info.st_mode) && !S_ISLNK(info.st_mode))
    return fail(Kind::Invalid,
                "the hard link's target " + quoted(entry.link) + " is not a regular file");
  if (same_file(parent->dir.get(), parent->name, place.dir, place.name)) return {};
  Place there = place;
  if (::faccessat(place.dir, place.name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
    TRY(remove_at(place));
    there = TRY(find_place(place.path));
    parent = sys::open_parent_in_root(root_, target, false);  // It may have been in there.
    if (!parent) return fail(Kind::Invalid, "the hard link replaces its own target");
  }
  if (::linkat(parent->dir.get(), parent->name.c_str(), there.dir, there.name.c_str(), 0) != 0)
    return fail_errno("link to " + quoted(entry.link));
  return {};
}

}  // namespace tare::store
