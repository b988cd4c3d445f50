// SPDX-License-Identifier: Apache-2.0
// What is known to be damaged: files damaged/HEX, named by the digest of a blob or a layer. Who
// gets such a thing anew puts it in the place of what is there.
#pragma once

#include <vector>

#include "base/digest.h"
#include "store/store.h"

namespace tare::store {

Result<> mark_damaged(const Store& store, const Digest& digest);
bool is_damaged(const Store& store, const Digest& digest);
// All that are marked; none when that cannot be read.
std::vector<Digest> list_damaged(const Store& store);
void unmark_damaged(const Store& store, const Digest& digest);

}  // namespace tare::store
