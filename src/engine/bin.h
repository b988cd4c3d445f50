// SPDX-License-Identifier: Apache-2.0
// The bin: removed containers lie in bin/containers/ID, images in bin/images (src/image/bin.h),
// until they are too old or too much. [docs/formats/bin.md] Private to this room.
#pragma once

#include <string>
#include <vector>

#include "engine/engine.h"
#include "store/store.h"

namespace tare::engine {

struct BinnedContainer {
  Container container;
  UnixNanos removed_at = 0;
  std::string moment;  // The same as sys::Moment; empty: not known.
  std::string batch;
};
// Oldest first. What cannot be read is left out.
Result<std::vector<BinnedContainer>> list_binned_containers(const store::Store& store);

// Moves a container's directory into the bin.
Result<> put_container_in_bin(store::Store& store, const std::string& id);
// Of what is in the bin that which goes: what is over at `now`, and then the oldest until the
// others take no more than `most` bytes.
std::vector<Removed> choose_expired(std::vector<Removed> all, UnixNanos now, std::uint64_t most);
// The same for all that this process removes.
const std::string& removal_batch();

}  // namespace tare::engine
