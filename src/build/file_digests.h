// SPDX-License-Identifier: Apache-2.0
// Digests of files that were read before and have not changed since: only changed files of a build
// context are read again. A cache; losing it costs reading.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <unordered_map>

#include "base/digest.h"
#include "base/text.h"

namespace tare::build {

class FileDigests {
 public:
  // What save() has printed; what cannot be read counts as nothing.
  static FileDigests parse(std::string_view text);
  std::string print() const;
  bool has_changed() const { return changed_; }

  // Of the file at `path` if it was read before and is the same still; none otherwise.
  const Digest* find(const std::string& path, const struct stat& info);
  // Of the open file, whose `info` it is; `path` tells it from others. Errors: those of reading.
  Result<Digest> of(const std::string& path, int file, const struct stat& info);

 private:
  struct Known {
    std::string stamp;  // Of device, inode, size and times. [stat(2)]
    Digest digest;
    bool used = false;
  };
  std::unordered_map<std::string, Known> known_;
  bool changed_ = false;
};

}  // namespace tare::build
