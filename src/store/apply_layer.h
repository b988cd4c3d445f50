// SPDX-License-Identifier: Apache-2.0
// Layers onto a directory: what an image's file system is made of. Runs in the confined unpacker
// (confine.h), but trusts no name all the same: every parent is resolved by the kernel below the
// root, as a process chrooted there would see it, and the last component is never followed.
// [image-spec 1.1 layer.md; security rules: paths, strict tar, attributes]
#pragma once

#include <cstdint>
#include <ctime>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_set>

#include "codec/tar.h"
#include "sys/fd.h"

namespace tare::store {

// The path of an archive member below the root: "/a//b/", "./a/b" and "a/b" are all "a/b"; the root
// itself is "". Errors: Invalid for ".." anywhere, which no honest tool writes.
Result<std::string> member_path(std::string_view name);

timespec to_timespec(UnixNanos when);  // Before 1970 as well.

// What was left out on purpose.
struct ApplyNotes {
  std::uint64_t devices = 0;  // Device nodes: a container's /dev is made by the engine.
  std::uint64_t xattrs = 0;   // Attributes outside the allow-list, or that the disk cannot hold.
};

class TreeWriter {
 public:
  // `root` is borrowed. The caller's umask must be 0 and its ids those of the archive.
  explicit TreeWriter(int root) : root_(root) {}

  // Applies one layer (uncompressed) on what is there. `progress` is called for every entry; may be
  // empty. After an error the tree is in an unknown state. Errors: Corrupt, Invalid, Unavailable,
  // each naming the entry.
  Result<> apply(codec::Source& layer, const std::function<void()>& progress);
  // Sets the times of directories; after the last layer.
  Result<> finish();

  const ApplyNotes& notes() const { return notes_; }

 private:
  // Where an entry goes: the directory and the last component ("." for the root).
  struct Place {
    std::string path;
    int dir = -1;
    std::string name;
  };

  Result<> apply_entry(tar::Reader& reader);
  Result<bool> apply_whiteout(const std::string& path);
  Result<Place> find_place(const std::string& path);
  Result<> open_parent(const std::string& parent);
  Result<> make_room(const Place& place, tar::Type type);
  Result<> remove_at(const Place& place);
  Result<> clear_lower(int dir, const std::string& path);

  Result<> write_entry(const Place& place, tar::Reader& reader);
  Result<> write_regular(const Place& place, tar::Reader& reader);
  Result<> write_content(int file, tar::Reader& reader);
  Result<> write_directory(const Place& place, const tar::Entry& entry);
  Result<> write_hard_link(const Place& place, const tar::Entry& entry);
  Result<> write_symlink(const Place& place, const tar::Entry& entry);
  Result<> write_fifo(const Place& place, const tar::Entry& entry);
  Result<> set_xattrs(int file, const tar::Entry& entry);

  void mark_made(const std::string& path);
  bool is_made(const std::string& path) const { return made_.contains(hash_(path)); }

  int root_;
  ApplyNotes notes_;
  // Paths that the current layer has made, and their parents, by hash: whiteouts are about lower
  // layers only, in whatever order the entries come. A collision hides one file of a lower layer
  // from one whiteout; a set of strings would cost an attacker's choice of memory.
  std::unordered_set<std::size_t> made_;
  std::hash<std::string> hash_;
  std::map<std::string, UnixNanos> directory_times_;
  // The parent of the last entry, as most entries follow their siblings. Forgotten when anything is
  // removed: only then can a path that existed lead somewhere else.
  std::string parent_path_;
  sys::Fd parent_;
};

}  // namespace tare::store
