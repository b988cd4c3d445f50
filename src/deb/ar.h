// SPDX-License-Identifier: Apache-2.0
// .deb files: an ar archive of "debian-binary", control.tar.* and data.tar.*. [deb(5), ar(5)]
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "codec/stream.h"

namespace tare::deb {

// Where a member is in the file, in bytes.
struct Member {
  std::string name;  // "data.tar.xz"
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};
struct DebFile {
  Member control;
  Member data;
};

// Reads all of `file`. Errors: Corrupt (no .deb, cut off), Unsupported (another version of it).
Result<DebFile> read_deb(codec::Source& file);

}  // namespace tare::deb
