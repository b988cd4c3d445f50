// SPDX-License-Identifier: Apache-2.0
// What a stream is, by its first bytes, and sentences for what it should not be.
#pragma once

#include <string>
#include <string_view>

#include "codec/stream.h"

namespace tare::image {

constexpr std::size_t kTarBlock = 512;

// Shows the first bytes of a stream without taking them away.
class PeekSource : public codec::Source {
 public:
  explicit PeekSource(codec::Source& inner) : inner_(inner) {}
  // Up to one tar block; shorter only when the stream is. To be called before the first read().
  Result<std::string_view> peek();
  Result<std::size_t> read(char* buffer, std::size_t size) override;

 private:
  codec::Source& inner_;
  std::string head_;
  std::size_t taken_ = 0;
};

// True when a block is a tar header with a right checksum, or zeros (an empty archive).
bool is_tar_block(std::string_view block);

// The error for a stream that is no image: "the input is an ELF program and not an image archive",
// with what to do instead. `compressed`: the bytes came out of a decompressor.
Error not_an_image(std::string_view first_bytes, bool compressed);

}  // namespace tare::image
