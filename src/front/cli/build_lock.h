// SPDX-License-Identifier: Apache-2.0
// Dockerfile.lock of `tare build`: docs/formats/lock.md
#pragma once

#include <string>

#include "build/builder.h"
#include "front/cli/options.h"

namespace tare::cli {

class LockFile {
 public:
  // As --lock, --no-lock and --locked say; beside a Dockerfile that is a file. Tells the request
  // of it. Errors: Invalid (options that contradict each other, a file that is no lock), NotFound
  // (--locked without one).
  static Result<LockFile> open(const Arguments& arguments, build::BuildRequest& request);

  // The one at `path`, if there is one, for the request. One that the user has not named is not
  // read through a link out of its context. Errors: Invalid (it is no lock; such a link).
  static Result<LockFile> read(const std::string& path, build::BuildRequest& request,
                               bool is_named);

  // Writes what the build has taken, unless that is there already. What cannot be written does not
  // fail the build: returns a sentence that says so, or "".
  std::string update(const build::Built& built, const build::BuildRequest& request) const;
  const std::string& path() const { return path_; }

 private:
  std::string path_;  // "": there is to be none.
  std::string text_;  // What is in it; "" when it is not there.
};

}  // namespace tare::cli
