// SPDX-License-Identifier: Apache-2.0
// PRIVATE to the codec room: the buffered input of the tar reader.
#pragma once

#include <memory>
#include <optional>

#include "codec/stream.h"
#include "codec/tar_block.h"

namespace tare::tar {

class Input {
 public:
  explicit Input(codec::Source& source);

  // The next 512 bytes; nothing at the end of the input. Errors: Corrupt (ends inside a block).
  Result<std::optional<Block>> block();
  // At least 1 byte unless `size` is 0. Errors: Corrupt at the end of the input.
  Result<std::size_t> read(char* buffer, std::size_t size);
  // `size` bytes as a string; the caller has checked that this is not too much.
  Result<std::string> text(std::size_t size);
  Result<> skip(std::uint64_t size);
  Result<> drain();  // To the end of the source.

  std::uint64_t offset() const { return offset_; }  // Bytes taken so far.

 private:
  Result<bool> refill();  // False at the end of the source.
  static std::unexpected<Error> ends_early();

  codec::Source& source_;
  std::unique_ptr<char[]> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::uint64_t offset_ = 0;
};

}  // namespace tare::tar
