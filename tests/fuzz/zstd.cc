// SPDX-License-Identifier: Apache-2.0
#include "fuzz/streams.h"

using namespace tare;

TARE_FUZZER(zstd) {
  if (codec::detect_compression(bytes) != codec::Compression::Zstd) return;
  const auto plain = fuzz::uncompressed_both_ways(bytes);
  if (plain) fuzz::check_round_trip(codec::Compression::Zstd, *plain);
}
