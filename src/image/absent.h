// SPDX-License-Identifier: Apache-2.0
// Layers that are in the store without their compressed bytes, because they were pulled in parts.
// docs/decisions/0018. Private to the room.
#pragma once

#include "image/image.h"
#include "image/plan.h"
#include "store/layers.h"

namespace tare::image {

// The store has the layer, and an image has it that came in parts with the same blob.
bool is_here_in_parts(const store::Store& store, const PlannedLayer& layer);
// Whether compressed bytes of it are not in the store.
bool lacks_bytes(const store::Store& store, const Image& image);

// As store::open_blob_file() and open_blob_bytes(), with a hint for who wants bytes that are not
// here.
Result<sys::Fd> open_present_file(const store::Store& store, const Digest& digest);
Result<store::BlobBytes> open_present_bytes(const store::Store& store, const Digest& digest);

}  // namespace tare::image
