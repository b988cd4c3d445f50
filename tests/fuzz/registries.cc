// SPDX-License-Identifier: Apache-2.0
// registries.conf, and names that are looked up by it: a name never becomes one that is none.
#include "image/registries.h"

#include "base/text.h"
#include "fuzz/fuzz.h"

using namespace tare;

TARE_FUZZER(registries) {
  // The first line is a name, the rest the file.
  const auto parts = split_once(bytes, '\n');
  if (!parts) return;
  image::Registries registries;
  if (!image::add_registries(registries, parts->second, "fuzz.conf")) return;
  const auto names = image::expand_name(parts->first, registries);
  if (!names) return;
  FUZZ_CHECK(!names->empty());
  for (const image::Reference& name : *names) {
    const auto again = image::Reference::parse(name.text());
    FUZZ_CHECK(again.has_value());
    FUZZ_CHECK(again->text() == name.text());
  }
}
