// SPDX-License-Identifier: Apache-2.0
// What is accepted must print, and read back as the same value, in both styles.
#include "codec/json.h"

#include "fuzz/fuzz.h"

using namespace tare;

TARE_FUZZER(json) {
  const auto value = json::parse(bytes);
  if (!value) {
    FUZZ_CHECK(value.error().kind() == Kind::Invalid);
    return;
  }
  const json::Limits no_limits{.bytes = SIZE_MAX};
  for (const json::Style style : {json::Style::Compact, json::Style::Indented}) {
    const std::string printed = json::print(*value, style);
    const auto again = json::parse(printed, no_limits);
    FUZZ_CHECK(again.has_value());
    FUZZ_CHECK(json::print(*again, style) == printed);
  }
}
