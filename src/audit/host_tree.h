// SPDX-License-Identifier: Apache-2.0
// The host's files below a root, as a process chrooted there sees them, with every symbolic link on
// the way told: an image needs the links too.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "sys/fd.h"

namespace tare::audit {

enum class NodeKind : std::uint8_t { Absent, File, Directory, Symlink, Other };

struct Node {
  NodeKind kind = NodeKind::Absent;
  std::uint32_t mode = 0;  // Permission bits.
  std::uint64_t size = 0;
  std::string target;  // Of a symlink.
};

struct Link {
  std::string path;  // Where the link itself lies; no symlinks above it.
  std::string target;
};

struct Found {
  std::string path;         // Absolute, no symlinks in it, no "." and "..".
  Node node;                // File, Directory or Other.
  std::vector<Link> links;  // Passed on the way, in this order.
};

// Not thread-safe; remembers what it saw, so a tree that changes meanwhile may look as before.
class HostTree {
 public:
  // Errors: those of opening `root`.
  static Result<HostTree> open(const std::string& root);

  // Follows all links. nullopt when something on the way does not exist (also: dangling links).
  // Errors: Invalid (a loop, not an absolute path), Denied.
  Result<std::optional<Found>> find(std::string_view path);

  // What lies at `real` itself; links above it must be resolved, one at the end is not followed.
  Result<Node> look(const std::string& real);

  // `real` is a Found::path of a regular file.
  Result<sys::Fd> open_file(const std::string& real) const;
  Result<std::string> read_file(const std::string& real, std::size_t limit) const;
  // Names in a directory, sorted. `real` is a Found::path of a directory.
  Result<std::vector<std::string>> list(const std::string& real) const;

  const std::string& root() const { return root_; }

 private:
  std::string root_;
  sys::Fd fd_;
  std::unordered_map<std::string, Node> seen_;
};

std::string directory_of(std::string_view path);  // "/usr" for "/usr/bin"; "/" for "/usr".
std::string base_name(std::string_view path);     // "bin" for "/usr/bin".

}  // namespace tare::audit
