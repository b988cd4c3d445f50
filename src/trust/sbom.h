// SPDX-License-Identifier: Apache-2.0
// A list of packages as others read it. The same packages give the same documents.
// [SPDX 2.3, JSON; CycloneDX 1.6, JSON] docs/formats/attestations.md
#pragma once

#include <string>
#include <vector>

#include "base/digest.h"
#include "base/text.h"
#include "codec/json.h"
#include "trust/packages.h"

namespace tare::trust {

struct PackageList {
  Digest image;           // Its manifest.
  UnixNanos created = 0;  // When the image was made.
  Distribution distribution;
  std::vector<Package> packages;   // Sorted, each once.
  std::vector<std::string> notes;  // What was not read.
  std::string version;             // Of Tare.
};

json::Value print_spdx(const PackageList& list);
json::Value print_cyclonedx(const PackageList& list);

}  // namespace tare::trust
