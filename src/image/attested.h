// SPDX-License-Identifier: Apache-2.0
// The manifest of attestations on its way in and out. Private to the room.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "image/attestations.h"
#include "image/plan.h"
#include "image/registry.h"
#include "oci/manifest.h"

namespace tare::image {

// What an image has, as it goes to others: its manifest, that of its attestations, and an index of
// both, which its name stands for there.
struct AttestedDocuments {
  RawManifest image;
  RawManifest attestations;            // Empty: nothing is attested, and there is no index.
  std::vector<oci::Descriptor> blobs;  // Of the attestations.
  oci::Descriptor image_descriptor;
  oci::Descriptor attestations_descriptor;
  RawManifest index;
};
Result<AttestedDocuments> attested_documents(const store::Store& store, const Image& image);

// The member of `index` that attests something of `manifest` and was made by us; null: none. What
// others attest is left where it is: it would be got with every image, and nobody asks for it here.
const oci::Descriptor* find_attestations(const oci::Index& index, const Digest& manifest);
// Reads it with `load`, which verifies. Errors: those of `load`; Invalid: it is none, or it is
// about another manifest.
using LoadDocument = std::function<Result<std::string>(const oci::Descriptor&)>;
Result<Attested> load_attested(const oci::Descriptor& found, const Digest& manifest,
                               const LoadDocument& load);

}  // namespace tare::image
