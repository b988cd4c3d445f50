// SPDX-License-Identifier: Apache-2.0
// A directory ".git" with one commit, for ADD --keep-git-dir. Private to the room.
#pragma once

#include <string>

#include "base/text.h"
#include "build/git_program.h"
#include "codec/tar.h"

namespace tare::build {

struct KeptCommit {
  std::string name;    // The bare repository below the place.
  std::string remote;  // For the configuration; without a user.
  std::string commit;
  std::string ref;  // In full; "" when there is none.
  UnixNanos time = 0;
};

// Written anew instead of copied: no log, no times in the index, and objects in one pack without
// compression and differences, so that it does not depend on who made it and when. Of the version
// of git depends the form of the pack and of the index.
Result<> write_git_dir(tar::Writer& writer, const GitPlace& place, const KeptCommit& kept);

}  // namespace tare::build
