// SPDX-License-Identifier: Apache-2.0
// Records of images, of removed images, and settings: what is accepted prints and reads back the
// same.
#include "image/records.h"

#include "codec/sha256.h"
#include "fuzz/fuzz.h"
#include "image/bin.h"
#include "store/settings.h"

using namespace tare;

TARE_FUZZER(record) {
  const Digest id = codec::sha256("id");
  (void)store::parse_settings(bytes);
  (void)image::parse_binned(id, bytes);
  const auto record = image::parse_record(id, bytes);
  if (!record) return;
  const std::string printed = image::print_record(*record);
  const auto again = image::parse_record(id, printed);
  FUZZ_CHECK(again.has_value());
  FUZZ_CHECK(image::print_record(*again) == printed);
}
