// SPDX-License-Identifier: Apache-2.0
// Several layers as one: the tar of a layer that makes of what is below them what they make of it.
#pragma once

#include <cstdint>
#include <vector>

#include "codec/stream.h"
#include "store/store.h"

namespace tare::store {

struct MergeRequest {
  std::vector<Layer> below;
  std::vector<Layer> layers;  // From the lowest.
};

// Written from the indexes, in the order of names. What one of the layers adds and another removes
// is not in it. Returns the number of entries. Errors: NotFound, Corrupt (a layer).
Result<std::uint64_t> write_merged_tar(const Store& store, const MergeRequest& request,
                                       codec::Sink& sink);

}  // namespace tare::store
