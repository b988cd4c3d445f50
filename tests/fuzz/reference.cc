// SPDX-License-Identifier: Apache-2.0
// What is accepted is canonical: its full and its familiar form are the same reference, and neither
// can be a path that leads anywhere.
#include "fuzz/fuzz.h"
#include "image/image.h"
#include "image/records.h"

using namespace tare;

TARE_FUZZER(reference) {
  const auto reference = image::Reference::parse(bytes);
  if (!reference) {
    FUZZ_CHECK(reference.error().kind() == Kind::Invalid);
    return;
  }
  const std::string full = reference->text();
  for (const std::string& text : {full, reference->familiar()}) {
    const auto again = image::Reference::parse(text);
    FUZZ_CHECK(again.has_value());
    FUZZ_CHECK(again->text() == full);
  }
  FUZZ_CHECK(full.find("..") == std::string::npos || full.find("/../") == std::string::npos);
  const std::string file = image::name_file(full);
  FUZZ_CHECK(!file.empty() && file.size() < 256 && file.front() != '.');
  FUZZ_CHECK(file.find('/') == std::string::npos);
}
