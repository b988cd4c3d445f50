// SPDX-License-Identifier: Apache-2.0
// The two gzip decoders never give different bytes, and what they give survives both encoders.
#include "codec/coders.h"
#include "fuzz/streams.h"

using namespace tare;

namespace {

// The first member, or nothing if it is broken or large.
std::optional<std::string> first_member(codec::Decoder& decoder, std::string_view bytes) {
  std::string plain(64 << 10, '\0');
  std::size_t size = 0;
  FUZZ_CHECK(decoder.start().has_value());
  for (;;) {
    const auto step = decoder.decode(bytes, true, plain.data() + size, plain.size() - size);
    if (!step) return std::nullopt;
    bytes.remove_prefix(step->consumed);
    size += step->produced;
    if (step->finished) break;
    if (step->consumed == 0 && step->produced == 0) return std::nullopt;
  }
  plain.resize(size);
  return plain;
}

}  // namespace

TARE_FUZZER(gzip) {
  if (codec::detect_compression(bytes) != codec::Compression::Gzip) return;
  const auto plain = fuzz::uncompressed_both_ways(bytes);
  auto zlib = codec::make_zlib_decoder();
  auto isal = codec::make_isal_decoder();
  FUZZ_CHECK(zlib.has_value() && isal.has_value());
  const auto by_zlib = first_member(**zlib, bytes);
  const auto by_isal = first_member(**isal, bytes);
  FUZZ_CHECK(by_zlib == by_isal);
  if (plain) fuzz::check_round_trip(codec::Compression::Gzip, *plain);
}
