// SPDX-License-Identifier: Apache-2.0
// A copy of a tree to another file system with everything that a store has: owners, modes, times,
// extended attributes, hard links, holes, devices. It is made in passes: a later one brings the
// copy in line with what has changed since.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "sys/fd.h"

namespace tare::store {

class TreeCopy {
 public:
  // Told the bytes of contents that were written or compared so far.
  using Progress = std::function<void(std::uint64_t bytes)>;

  // `from` and `to`: the roots, borrowed. Nobody else writes below `to`.
  TreeCopy(int from, int to, Progress progress)
      : from_(from), to_(to), progress_(std::move(progress)) {}

  // Begins a pass: which files are names of one is found out again.
  void begin_pass();
  // Makes `to`/name what `from`/name is, whatever sort of thing; without it, nothing. Contents of
  // regular files that an earlier pass copied are taken to be the same while inode and change time
  // are: only for what nobody writes to with a mapping. What goes away meanwhile is left out.
  // Errors: Unsupported (an attribute that the target cannot hold; another mount in the tree).
  Result<> copy(const std::string& name);
  // Reads the files of `from`/name that this pass copied, on both sides. Errors: Corrupt.
  Result<> compare(const std::string& name);

 private:
  enum class Mode : std::uint8_t { Copy, Compare };
  // A directory that is being walked, on both sides. With many levels the descriptors of those far
  // above are closed, and opened again by ".." on the way back.
  struct Level {
    sys::Fd from;
    sys::Fd to;
    ino_t from_inode = 0;
    ino_t to_inode = 0;
    struct stat info{};
    std::size_t path_size = 0;
    std::vector<std::string> names;
    std::size_t next = 0;
  };
  struct Stamp {
    std::uint64_t file = 0;  // Inode and change time, hashed.
    unsigned pass = 0;
  };

  Result<> walk(const std::string& name, Mode mode);
  Result<> visit(int from, int to, const std::string& name, Mode mode);
  Result<> enter(int from, int to, const std::string& name, const struct stat& info, Mode mode);
  Result<> leave(Mode mode);
  Result<> regular(int from, int to, const std::string& name, const struct stat& info);
  Result<> special(int from, int to, const std::string& name, const struct stat& info);
  Result<bool> linked(int to, const std::string& name, const struct stat& info);
  Result<> compare_file(int from, int to, const std::string& name, const struct stat& info);
  void told(std::uint64_t bytes);

  int from_;
  int to_;
  Progress progress_;
  unsigned pass_ = 0;
  std::uint64_t bytes_ = 0;
  std::vector<Level> levels_;
  std::string path_;                                      // Of what is looked at, below the roots.
  std::unordered_map<std::uint64_t, Stamp> stamps_;       // By the hash of the path.
  std::map<std::pair<dev_t, ino_t>, std::string> links_;  // Files with several names: the first.
};

}  // namespace tare::store
