// SPDX-License-Identifier: Apache-2.0
// What is accepted is a table whose values can be printed and read again as JSON; what is not is
// refused with a line.
#include "codec/toml.h"

#include "fuzz/fuzz.h"

using namespace tare;

TARE_FUZZER(toml) {
  const auto value = toml::parse(bytes);
  if (!value) {
    FUZZ_CHECK(value.error().kind() == Kind::Invalid);
    return;
  }
  FUZZ_CHECK(value->is_object());
  const auto again = json::parse(json::print(*value), {.bytes = 64 << 20, .depth = 64});
  FUZZ_CHECK(again.has_value());
  FUZZ_CHECK(*again == *value);
}
