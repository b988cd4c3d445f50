// SPDX-License-Identifier: Apache-2.0
// What the fuzzers of the compressed formats share.
#pragma once

#include <algorithm>
#include <optional>
#include <string>

#include "codec/compress.h"
#include "fuzz/fuzz.h"

namespace tare::fuzz {

// Gives its bytes in pieces of one size, as pipes do.
class Trickle : public codec::Source {
 public:
  Trickle(std::string_view bytes, std::size_t piece) : inner_(bytes), piece_(piece) {}
  Result<std::size_t> read(char* buffer, std::size_t size) override {
    return inner_.read(buffer, std::min(size, piece_));
  }

 private:
  codec::StringSource inner_;
  std::size_t piece_;
};

inline std::optional<std::string> uncompressed(codec::Source& source) {
  constexpr std::uint64_t kLimit = 64 << 10;
  auto plain = codec::decompress(source, kLimit);
  if (!plain) return std::nullopt;
  codec::StringSink out;
  const auto count = codec::copy(**plain, out);
  if (!count) return std::nullopt;
  FUZZ_CHECK(out.bytes().size() <= kLimit);
  return out.bytes();
}

// Input that is cut differently means the same.
inline std::optional<std::string> uncompressed_both_ways(std::string_view bytes) {
  Trickle whole(bytes, bytes.size());
  Trickle pieces(bytes, 3);
  const auto result = uncompressed(whole);
  FUZZ_CHECK(uncompressed(pieces) == result);
  return result;
}

inline void check_round_trip(codec::Compression format, std::string_view plain) {
  codec::StringSink packed;
  auto sink = codec::compress(format, packed);
  FUZZ_CHECK(sink.has_value());
  FUZZ_CHECK((*sink)->write(plain).has_value());
  FUZZ_CHECK((*sink)->finish().has_value());
  codec::StringSource source(packed.bytes());
  FUZZ_CHECK(uncompressed(source) == plain);
}

}  // namespace tare::fuzz
