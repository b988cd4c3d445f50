// SPDX-License-Identifier: Apache-2.0
// PRIVILEGED. What COPY and ADD do to a file system. Every path is looked up inside of the target's
// root, whatever links are there. [BuildKit frontend 1.20, reference.md "COPY"]
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "build/pick.h"
#include "codec/stream.h"
#include "store/lent_contents.h"

namespace tare::build {

// A root file system that can be written.
struct Target {
  int root = -1;                    // Borrowed.
  const sys::IdMap* ids = nullptr;  // That it shows.
  // Gets the contents of copied files, which are not written then. Borrowed; none: they are.
  store::LentContents* lent = nullptr;
};

struct Owner {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};

struct CopyOptions {
  std::optional<Owner> owner;  // None: root's, or with a tree that has owners, theirs.
  std::string mode;            // What --chmod says, checked; "": modes are as they are.
  bool parents = false;        // Sources keep their paths below the destination.
  // For people, outside of any image: times as they are, and no program gets rights from its file.
  bool for_host = false;
  bool attributes = true;  // Extended ones of an archive come along.
  bool root_too = false;   // A directory that is copied to "/" gives that its owner and mode.
};

// What `text`, which check_mode() has passed, makes of a mode: "640", "u=rwX,go-w". [chmod(1)]
std::uint32_t change_mode(std::string_view text, std::uint32_t mode, bool is_directory);

// `destination`: absolute. With a '/' at its end, or where it is a directory, things go into it. A
// directory's contents are copied, not itself. Errors: Invalid (a file in the way of a directory,
// or a directory in that of a file).
Result<> copy_files(const Tree& tree, const std::vector<Pick>& picks, const Target& target,
                    const std::string& destination, const CopyOptions& options);
// What is in an archive, below the directory `destination`, with the archive's owners unless the
// options have one. `paths` gets where it went, without '/' in front. Errors: Corrupt (the
// archive); Unsupported (devices).
Result<> unpack_archive(codec::Source& archive, const Target& target,
                        const std::string& destination, const CopyOptions& options,
                        std::vector<std::string>* paths = nullptr);
// One file with this content.
Result<> put_file(const Target& target, const std::string& destination, std::string_view content,
                  const CopyOptions& options);
// One that is open (borrowed), from where it stands. It goes into `destination` as copy_files() has
// it.
struct OpenFile {
  int file = -1;
  std::string name;
  unsigned mode = 0;
};
Result<> put_open_file(const Target& target, const std::string& destination, const OpenFile& file,
                       const CopyOptions& options);
// The directory `path` and those above it that are not there, of `owner`.
Result<> make_directory(const Target& target, const std::string& path, Owner owner);

}  // namespace tare::build
