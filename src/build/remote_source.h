// SPDX-License-Identifier: Apache-2.0
// What the sources of ADD and the context of a build may be beside paths: URLs and git
// repositories. [BuildKit frontend 1.20, reference.md "ADD", "Build context: Git repositories"]
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "build/instruction.h"

namespace tare::build {

struct GitSource {
  std::string remote;    // For git: "https://host/x.git", "git@host:x.git".
  std::string ref;       // A branch, tag or commit; empty: the default branch.
  std::string folder;    // Within the repository, clean, without '/' before it; empty: all.
  std::string checksum;  // The commit that it has to be, or its beginning.
  std::optional<bool> keep_git_dir;  // What the address says; flags may not say otherwise.
  std::optional<bool> submodules;    // Not given: yes.
  bool commit_times = false;         // Files have the time of the commit.
  bool fetch_by_commit = false;      // The checksum is fetched, whatever the ref points to.
};

struct AddSource {
  enum class Kind : std::uint8_t { Path, Url, Git } kind = Kind::Path;
  std::string text;       // The path, or the address as written.
  std::string file_name;  // Of a URL: the last part of its path, "__unnamed__" if it has none.
  GitSource git;
};

// "https://host/x.git#REF:FOLDER", "git@host:x.git?branch=b&subdir=d", "ssh://", "git://" are git
// repositories; other http:// and https:// addresses are files; all else is a path.
// `is_context`: "github.com/x/y" is a repository, too. Errors: Invalid, without a place: what is
// asked for behind '?' does not exist or contradicts something.
Result<AddSource> parse_add_source(std::string_view text, bool is_context = false);

// A text without the users and passwords of the addresses in it: for records, and for people.
std::string hide_users(std::string_view text);

// --chmod: an octal number to 07777, or as chmod(1) has it: "u=rwX,go-w". Errors: Invalid.
Result<> check_mode(std::string_view text);

// What the flags and sources of an expanded COPY or ADD may not be together: URLs in COPY, a
// --checksum for several sources. Errors: Invalid, with the place.
Result<> check_sources(const Instruction& instruction);

}  // namespace tare::build
