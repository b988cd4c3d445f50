// SPDX-License-Identifier: Apache-2.0
// An image's file system in memory: its layers' indexes applied one over the other, as a container
// will see it. What every rootfs backend writes down. Names are followed as the kernel would for a
// process chrooted there: links lead to places inside and nowhere else.
// [image-spec 1.1 layer.md; security rules: paths, strict tar]
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/layer_index.h"

namespace tare::store {

class MergedTree {
 public:
  using Id = std::uint32_t;  // Of an inode; the root is 0.

  struct Name {
    Id inode = 0;
    std::uint32_t layer = 0;  // The last layer (from 1) that had an entry for it, or below it.
  };
  using Children = std::map<std::string, Name>;
  using Attributes = std::vector<std::pair<std::string, std::string>>;
  struct Inode {
    tar::Type type = tar::Type::Directory;  // Never HardLink.
    std::uint16_t path_bytes = 0;           // Of a directory: the length of its path.
    std::uint32_t mode = 0755;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint32_t names = 0;    // Hard links; 0: it is gone.
    Id parent = 0;              // Of a directory.
    std::uint32_t cleared = 0;  // Of a directory: the last layer that hid what was below it.
    UnixNanos mtime = 0;
    std::uint64_t size = 0;
    std::uint32_t layer = 0;  // From 0: whose index `content.pack` refers to.
    ContentPlace content;
    // What most do not have.
    const std::string& link() const;  // Target of a symbolic link.
    const Attributes& xattrs() const;
    const Children& children() const;

   private:
    friend class MergedTree;
    struct Rare {
      std::string link;
      Attributes xattrs;
    };
    std::unique_ptr<Rare> rare_;
    std::unique_ptr<Children> children_;
  };

  MergedTree();

  // Applies the next layer. Errors: Invalid, Corrupt, Unsupported (an owner beyond a container's
  // 65536 ids), naming the entry.
  Result<> apply(const LayerIndex& layer);

  // The directory that `path` leads to for a process chrooted here. Errors: NotFound; Invalid when
  // something else is in the way.
  Result<Id> find(std::string_view path) { return find_directory(path, Missing::Fail); }
  const Inode& inode(Id id) const { return inodes_[id]; }
  std::size_t size() const { return inodes_.size(); }

 private:
  // Where an entry goes.
  struct Place {
    Id dir = 0;
    std::string name;  // Empty: the root itself.
  };
  enum class Missing : std::uint8_t { Make, Fail };

  Result<> apply_entry(const IndexEntry& entry);
  Result<bool> apply_whiteout(std::string_view path);
  Result<> put(const Place& place, const IndexEntry& entry);
  Result<> put_directory(const Place& place, const IndexEntry& entry);
  Result<> put_hard_link(const Place& place, const IndexEntry& entry);
  Result<> fill(Inode& inode, const IndexEntry& entry);
  // Counts memory. Errors: Invalid, when it becomes too much.
  Result<> use(std::size_t bytes);
  static std::size_t bytes_of_name(const std::string& name);
  static std::size_t bytes_of(const Inode& inode);

  // The directory that `path` leads to. NotFound, or Invalid when something else is in the way.
  Result<Id> find_directory(std::string_view path, Missing missing);
  Result<Place> find_place(std::string_view path, Missing missing);
  Name* child(const Place& place);
  // Errors: Invalid (too many files, too long a path).
  Result<Id> make_inode(tar::Type type);
  Result<Id> make_directory(const Place& place);
  Result<> check_length(Id dir, std::string_view name) const;
  Result<> link_to(const Place& place, Id inode);
  void mark(Id dir, std::string_view name);
  void remove(Id dir, const std::string& name);
  void release(Id inode);
  void clear_lower(Id dir);

  // Counts one step of a path. Errors: Invalid, when all paths together are too long a way.
  Result<> step();

  std::deque<Inode> inodes_;  // Grows without moving: there may be a million.
  std::vector<Id> free_;      // Of them.
  std::uint64_t steps_ = 0;
  std::size_t bytes_ = 0;    // Of memory, about.
  std::uint32_t layer_ = 0;  // Under way, from 1.
  // The parent of the last entry: most entries follow their siblings. Forgotten when anything is
  // removed: only then can a path that existed lead somewhere else.
  std::string last_path_;
  Id last_dir_ = 0;
  bool last_known_ = false;
};

}  // namespace tare::store
