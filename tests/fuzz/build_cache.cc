// SPDX-License-Identifier: Apache-2.0
// Caches of builds, out of any registry: what is accepted prints, and reads back as the same.
#include "image/build_cache.h"
#include "fuzz/fuzz.h"

using namespace tare;

TARE_FUZZER(build_cache) {
  const auto steps = image::parse_build_cache(bytes);
  if (!steps) return;
  for (const image::Step& each : *steps) FUZZ_CHECK(!each.key.empty());
  const std::string printed = image::print_build_cache(*steps);
  const auto again = image::parse_build_cache(printed);
  FUZZ_CHECK(again.has_value());
  FUZZ_CHECK(image::print_build_cache(*again) == printed);
}
