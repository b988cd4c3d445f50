// SPDX-License-Identifier: Apache-2.0
// tare-inflate: decompresses for tare, with ISA-L, in a confined process (store/decompressor.h).
// Started by tare, and of no use to anybody else.
#include <sys/stat.h>

#include "store/decompressor.h"

int main() {
  struct stat status{};
  if (::fstat(tare::store::kInflateDirectory, &status) != 0 || !S_ISDIR(status.st_mode)) {
    (void)tare::sys::write_all(
        STDERR_FILENO, "tare-inflate: tare starts this program for load, pull and the like\n");
    return 125;
  }
  tare::store::run_inflate();
}
