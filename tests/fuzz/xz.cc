// SPDX-License-Identifier: Apache-2.0
#include "fuzz/streams.h"

using namespace tare;

TARE_FUZZER(xz) {
  if (codec::detect_compression(bytes) != codec::Compression::Xz) return;
  fuzz::uncompressed_both_ways(bytes);
}
