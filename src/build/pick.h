// SPDX-License-Identifier: Apache-2.0
// Which files COPY, ADD and bind mounts mean: in a build context, or in the files of a stage or an
// image. Paths never lead out of the root that they are looked for in.
// [BuildKit frontend 1.20, reference.md "COPY"]
#pragma once

#include <sys/stat.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "build/file_digests.h"
#include "build/ignore.h"
#include "sys/fd.h"
#include "sys/ids.h"

namespace tare::build {

// A number of the file that a path of an image is: paths with the same one are names of one file;
// 0: it has no other name. There inodes do not tell, as files that are alike may be kept as one.
using LinkLookup = std::function<Result<std::uint64_t>(const std::string& path)>;

// Where files come from.
struct Tree {
  int root = -1;                        // Borrowed.
  const IgnoreRules* ignore = nullptr;  // Of a context.
  bool leaves_out_locks = false;        // Files that tare build writes beside Dockerfiles.
  FileDigests* digests = nullptr;       // Of a context.
  const sys::IdMap* ids = nullptr;      // That files are shown with. Null: owners mean nothing.
  const LinkLookup* links = nullptr;    // Null: inodes tell.
};

struct PickedFile {
  std::string path;   // In the tree, without '/' in front; "" is its root.
  std::string below;  // Relative to what was asked for; "" is that itself.
  struct stat info{};
  std::optional<std::size_t> same_as;  // Place in Pick::files of an earlier name of this file.
  // What fingerprint() has seen; a copy is of that, or is refused.
  std::optional<Digest> digest = {};     // Of a regular file's content.
  std::optional<std::string> link = {};  // Where a symbolic link leads.
};

// One thing that was asked for, or one match of a wildcard.
struct Pick {
  std::string source;   // As it is in the tree, links followed.
  std::string name;     // Its last part, as asked for.
  std::string parents;  // As asked for, below "/./" if there is one: what --parents keeps.
  bool is_directory = false;
  std::vector<PickedFile> files;  // Itself first, all below it by name. Sockets are left out.
};

struct PickRequest {
  std::string source;                 // May have wildcards. A '/' in front means the root.
  std::vector<std::string> excludes;  // Patterns, below what is picked.
  bool any_depth = false;             // "**" is any number of directories, as --parents has it.
};

// What may have no match when it has wildcards. Errors: NotFound, with the nearest name as a hint;
// Invalid (a pattern).
Result<std::vector<Pick>> pick(const Tree& tree, const PickRequest& request);

// That a source with wildcards has no match, and why that may be.
Error no_match(const Tree& tree, const std::string& source);

// Of names, types, modes, links and contents, and of owners and extended attributes where they mean
// something. Notes in the pick what it has seen.
Result<std::string> fingerprint(const Tree& tree, Pick& pick);

// Opens a file of the tree, following no link in the last part.
Result<sys::Fd> open_in(int root, const std::string& path, std::uint64_t flags);
Result<std::string> read_link(int root, const std::string& path);
// Of an image's file (any descriptor), those that its copies have, too: capabilities of programs,
// and what users keep there. Sorted.
Result<std::vector<std::pair<std::string, std::string>>> kept_attributes(int file);

}  // namespace tare::build
