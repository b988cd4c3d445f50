// SPDX-License-Identifier: Apache-2.0
#include "codec/tar_input.h"

#include <algorithm>
#include <cstring>

namespace tare::tar {
namespace {
constexpr std::size_t kBuffer = 64 << 10;
}

Input::Input(codec::Source& source)
    : source_(source), buffer_(std::make_unique_for_overwrite<char[]>(kBuffer)) {}

std::unexpected<Error> Input::ends_early() {
  return fail(Kind::Corrupt, "the archive ends too early");
}

Result<bool> Input::refill() {
  std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  const std::size_t count = TRY(source_.read(buffer_.get() + end_, kBuffer - end_));
  end_ += count;
  return count > 0;
}

Result<std::optional<Block>> Input::block() {
  while (end_ - begin_ < kBlock) {
    const bool more = TRY(refill());
    if (more) continue;
    if (begin_ == end_) return std::nullopt;
    return ends_early();
  }
  const Block block({buffer_.get() + begin_, kBlock});
  begin_ += kBlock;
  offset_ += kBlock;
  return block;
}

Result<std::size_t> Input::read(char* buffer, std::size_t size) {
  if (size == 0) return 0;
  std::size_t count = std::min(size, end_ - begin_);
  if (count > 0) {
    std::memcpy(buffer, buffer_.get() + begin_, count);
    begin_ += count;
  } else {
    // Contents go straight to their place; only what surrounds headers is copied.
    count = TRY(source_.read(buffer, size));
    if (count == 0) return ends_early();
  }
  offset_ += count;
  return count;
}

Result<std::string> Input::text(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t done = 0; done < size;) {
    const std::size_t count = TRY(read(text.data() + done, size - done));
    done += count;
  }
  return text;
}

Result<> Input::skip(std::uint64_t size) {
  const std::size_t buffered = std::min<std::uint64_t>(size, end_ - begin_);
  begin_ += buffered;
  offset_ += buffered;
  size -= buffered;
  while (size > 0) {
    const std::uint64_t count = TRY(source_.skip(size));
    if (count == 0) return ends_early();
    offset_ += count;
    size -= count;
  }
  return {};
}

Result<> Input::drain() {
  for (;;) {
    offset_ += end_ - begin_;
    begin_ = end_;
    const bool more = TRY(refill());
    if (!more) return {};
  }
}

}  // namespace tare::tar
