// SPDX-License-Identifier: Apache-2.0
// PRIVILEGED. Layers through the confined unpacker.
#pragma once

#include <vector>

#include "store/apply_layer.h"
#include "store/store.h"

namespace tare::store {

// Applies `layers` in order to the directory `root`, which must be empty, owned by what `ids` makes
// of 0, and out of everybody's reach. Every layer is decompressed and hashed on the way; its
// diff_id must match. Files get the owners that `ids` makes of the archive's. `progress` counts
// bytes of the stored blobs. Errors: Corrupt (naming the layer and both digests), and those of
// TreeWriter.
Result<ApplyNotes> unpack_layers(const Store& store, const std::vector<Layer>& layers, int root,
                                 const sys::IdMap& ids, const Progress& progress);

// What a layer turns out to be, found by reading it whole in a confined process.
struct LayerFacts {
  Digest diff_id;
  std::uint64_t bytes = 0;          // Of the uncompressed tar.
  std::uint64_t content_bytes = 0;  // Of the files in it: what Docker calls the size of a layer.
  UnixNanos newest = 0;             // The newest time of a file.
};
// `blob` is read from where it stands to its end; `scratch` is an empty directory. The tar is
// parsed as the unpacker would, so that a malformed layer is found at load. Errors: Corrupt,
// Invalid.
Result<LayerFacts> measure_layer(int blob, int scratch);

}  // namespace tare::store
