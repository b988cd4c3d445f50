// SPDX-License-Identifier: Apache-2.0
// Contents that are not where their files are: a file that is only made to become part of a layer
// has its size, owner and mode, and its bytes are read from where they lie when the tar is written.
#pragma once

#include <sys/stat.h>

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/digest.h"
#include "base/error.h"
#include "sys/fd.h"

namespace tare::store {

// `path` is not any more what it was when its key was made.
std::unexpected<Error> changed_while_copied(const std::string& path);

class LentContents {
 public:
  struct Place {
    int root = -1;     // Borrowed as long as this is used.
    std::string path;  // Below it; no link leads there.
    Digest digest;     // What the content must be when it is read; empty: whatever it is.
  };
  // The content of `file`, an open regular file of the size that it is to have, is there.
  Result<> lend(int file, Place place);
  // `file` is a new one with a content of its own: its number may have been that of one that was
  // removed.
  Result<> forget(int file);
  // The content of the file with these numbers, and this size, goes to `take`; false when it has
  // its own. Errors: Unavailable (it is not what it was when it was lent); what `take` returns.
  using Take = std::function<Result<>(std::string_view)>;
  Result<bool> read(const struct stat& info, const Take& take) const;

 private:
  std::map<std::pair<dev_t, ino_t>, Place> places_;
};

}  // namespace tare::store
