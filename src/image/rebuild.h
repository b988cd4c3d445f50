// SPDX-License-Identifier: Apache-2.0
// Records and names that were damaged, made again from what else in the store says the same.
// Private to the room.
#pragma once

#include <optional>

#include "image/image.h"
#include "image/records.h"

namespace tare::image {

// Damage::what is "record", "name" or "removed image". A removed image of which nothing can be told
// is forgotten. Errors: Unsupported, with what to do, when nothing tells.
Result<> rebuild(store::Store& store, const Damage& damage);

// A record, of an image that was pulled, that has the damaged thing as a part.
std::optional<Record> find_origin(const store::Store& store, const Damage& damage);

}  // namespace tare::image
