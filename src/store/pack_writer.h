// SPDX-License-Identifier: Apache-2.0
// The pack of a layer while it is written: contents at multiples of kPackAlign, in large pieces.
// docs/formats/layers.md
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/error.h"

namespace tare::store {

class PackWriter {
 public:
  explicit PackWriter(int file);  // Borrowed, empty.

  // Where the next byte goes.
  std::uint64_t position() const { return flushed_ + used_; }
  Result<> write(std::string_view bytes);
  Result<> skip(std::uint64_t bytes);  // A hole.
  Result<> align();
  // Takes back what was written from `position` on.
  Result<> rewind(std::uint64_t position);
  Result<> finish();  // Aligned; the file has its size.

 private:
  Result<> flush();

  int file_;
  std::unique_ptr<char[]> buffer_;
  std::size_t used_ = 0;
  std::uint64_t flushed_ = 0;  // Offset of the buffer's first byte in the file.
};

}  // namespace tare::store
