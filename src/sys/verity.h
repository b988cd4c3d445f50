// SPDX-License-Identifier: Apache-2.0
// fs-verity: the kernel compares what is read of a file with a digest of its content, on every read
// from the disk. [Documentation/filesystems/fsverity.rst]
#pragma once

#include <string>

#include "sys/fd.h"

namespace tare::sys {

// Makes the file read-only for ever and has its reads compared; reads all of it once. `file` is
// open for reading, and nobody has it open for writing. That it has it already is fine. Errors:
// Unsupported (the kernel or the file system has none); Busy.
Result<> enable_verity(int file);
// The digest that the kernel compares with, "sha256:HEX"; empty: the file has none.
std::string verity_digest(int file);

}  // namespace tare::sys
