// SPDX-License-Identifier: Apache-2.0
// Manifests, indexes and image configs: what is accepted prints, and reads back as the same.
#include "oci/manifest.h"
#include "fuzz/fuzz.h"
#include "oci/image_config.h"

using namespace tare;

namespace {

std::string print(const oci::Document& document) {
  if (const auto* index = std::get_if<oci::Index>(&document)) return oci::print_index(*index);
  return oci::print_manifest(std::get<oci::Manifest>(document));
}

void check_config(std::string_view bytes) {
  const auto config = oci::parse_image_config(bytes);
  if (!config) return;
  const std::string printed = oci::print_image_config(*config);
  const auto again = oci::parse_image_config(printed);
  FUZZ_CHECK(again.has_value());
  FUZZ_CHECK(oci::print_image_config(*again) == printed);
}

}  // namespace

TARE_FUZZER(manifest) {
  (void)oci::check_layout(bytes);
  check_config(bytes);
  const auto document = oci::parse_document(bytes, "");
  if (!document) return;
  const std::string printed = print(*document);
  const auto again = oci::parse_document(printed, "");
  FUZZ_CHECK(again.has_value());
  FUZZ_CHECK(print(*again) == printed);
  // What was announced as one thing is not accepted as the other.
  const bool index = std::holds_alternative<oci::Index>(*document);
  FUZZ_CHECK(!oci::parse_document(bytes, index ? oci::kManifestType : oci::kIndexType));
}
