// SPDX-License-Identifier: Apache-2.0
// A commit of a git repository elsewhere, as a tar. Nothing is ever checked out: objects are read
// out of a bare repository, so that no path, link, attribute or filter of it means anything here.
#pragma once

#include <map>
#include <string>

#include "build/git_program.h"
#include "build/remote_source.h"

namespace tare::build {

struct GitWish {
  GitSource source;
  bool keep_git_dir = false;
  GitPlace place;                              // An empty directory, and how git is run there.
  std::map<std::string, std::string> secrets;  // GIT_AUTH_TOKEN, GIT_AUTH_HEADER, also ".HOST".
  std::string agent;                           // Socket of an SSH agent; "": none.
};
struct GitCommit {
  std::string id;
  std::string ref;  // In full, "refs/tags/v1"; "" when the id was given.
};

// Asks for what the source means, unless that is a commit. Errors: Invalid (an address or a ref
// that git may not be given); NotFound (no such ref); Corrupt (not the commit that it has to be);
// Denied; Unavailable.
Result<GitCommit> find_commit(const GitWish& wish);
// Gets it, as little of it as the server lets us, and writes its files with those of its
// submodules. The same commit gives the same bytes. Errors: those; NotFound (no such folder).
Result<> write_commit(const GitWish& wish, const GitCommit& commit, codec::Sink& sink);

}  // namespace tare::build
