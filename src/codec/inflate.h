// SPDX-License-Identifier: Apache-2.0
// Small pieces that are compressed inside of other formats, by DEFLATE without gzip around it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace tare::codec {

enum class Deflate : std::uint8_t {
  Raw,   // [RFC 1951]; as in zip archives.
  Zlib,  // [RFC 1950]
};
// All of it. What follows the end is ignored. Errors: Corrupt; Invalid (above `limit` bytes).
Result<std::string> inflate(std::string_view bytes, Deflate format, std::size_t limit);

}  // namespace tare::codec
