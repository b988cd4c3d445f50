// SPDX-License-Identifier: Apache-2.0
// Contents that are not where their files are: a file that is only made to become part of a layer
// has its size, owner and mode, and its bytes are read from where they lie when the tar is written.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "base/error.h"
#include "sys/fd.h"

namespace tare::store {

class LentContents {
 public:
  // The content of `file`, an open regular file of the size that it is to have, is that of `path`
  // below `root` (borrowed as long as this is used); no link leads there.
  Result<> lend(int file, int root, std::string path);
  // `file` is a new one with a content of its own: its number may have been that of one that was
  // removed.
  Result<> forget(int file);
  // Open for reading; none when the file with these numbers has its own content. Errors: those of
  // openat2(2).
  Result<sys::Fd> open(const struct stat& info) const;

 private:
  struct Place {
    int root = -1;
    std::string path;
  };
  std::map<std::pair<dev_t, ino_t>, Place> places_;
};

}  // namespace tare::store
