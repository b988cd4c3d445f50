// SPDX-License-Identifier: Apache-2.0
// What git says of repositories, and files of a commit as a tar. Everything in it may have been
// made by a stranger. Private to the room.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "codec/stream.h"
#include "codec/tar.h"

namespace tare::build {

// A name that git can be given: it looks like no option and means one thing.
// [git-check-ref-format(1)]
bool is_ref_name(std::string_view name);
// 40 or 64 digits.
bool is_commit_id(std::string_view text);

struct RemoteRef {
  std::string id;
  std::string name;    // "refs/heads/main", "HEAD", "refs/tags/v1^{}".
  std::string target;  // Of HEAD: the branch that it is.
};
// Of "ls-remote --symref". Errors: Invalid.
Result<std::vector<RemoteRef>> parse_remote_refs(std::string_view text);
// What `ref` (as people write it; "": the default branch) means of those: branches before tags, and
// of a tag its commit. Its `name` is that of the ref itself.
std::optional<RemoteRef> choose_ref(const std::vector<RemoteRef>& refs, std::string_view ref);

struct TreeEntry {
  enum class Type : std::uint8_t { File, Program, Link, Module } type = Type::File;
  std::string id;
  std::string path;
};
// Of "ls-tree -r -z". SECURITY: paths lead nowhere but below, none is git's own, and none is below
// another one that is not a directory. Errors: Invalid.
Result<std::vector<TreeEntry>> parse_tree(std::string_view text);

struct Module {
  std::string path;
  std::string url;
};
// Of "config --list -z" of a .gitmodules.
std::vector<Module> parse_modules(std::string_view text);
// The address of a submodule, which may be relative to that of the repository. Errors: Invalid.
Result<std::string> module_address(const std::string& remote, std::string_view url);

// Writes files of one repository as entries of a tar, below `prefix` ("" or "a/b/"): `objects` is
// what "cat-file --batch" says of their ids, in the same order. Directories come before what is in
// them; all times are `time`. Errors: Corrupt (something else was said).
Result<> write_tree(tar::Writer& writer, const std::string& prefix,
                    const std::vector<TreeEntry>& entries, codec::Source& objects, UnixNanos time);

}  // namespace tare::build
