// SPDX-License-Identifier: Apache-2.0
#include "fuzz/streams.h"

using namespace tare;

TARE_FUZZER(bzip2) {
  if (codec::detect_compression(bytes) != codec::Compression::Bzip2) return;
  fuzz::uncompressed_both_ways(bytes);
}
