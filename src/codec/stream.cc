// SPDX-License-Identifier: Apache-2.0
#include "codec/stream.h"

#include <algorithm>
#include <memory>

namespace tare::codec {

Result<std::uint64_t> Source::skip(std::uint64_t size) {
  constexpr std::size_t kPiece = 64 << 10;
  const auto buffer = std::make_unique_for_overwrite<char[]>(kPiece);
  return TRY(read(buffer.get(), std::min<std::uint64_t>(size, kPiece)));
}

Result<> read_exactly(Source& source, char* buffer, std::size_t size) {
  for (std::size_t done = 0; done < size;) {
    const std::size_t count = TRY(source.read(buffer + done, size - done));
    if (count == 0)
      return fail(Kind::Corrupt,
                  "data ends too early: " + std::to_string(size - done) + " bytes are missing");
    done += count;
  }
  return {};
}

Result<std::uint64_t> copy(Source& source, Sink& sink) {
  constexpr std::size_t kPiece = 128 << 10;
  const auto buffer = std::make_unique_for_overwrite<char[]>(kPiece);
  std::uint64_t total = 0;
  for (;;) {
    const std::size_t count = TRY(source.read(buffer.get(), kPiece));
    if (count == 0) return total;
    TRY(sink.write({buffer.get(), count}));
    total += count;
  }
}

}  // namespace tare::codec
