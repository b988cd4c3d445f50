// SPDX-License-Identifier: Apache-2.0
// Images that were removed and can be brought back: bin/images/HEX.json holds the record and the
// names. What they are made of stays where it is. [docs/formats/bin.md] Private to the room;
// changes are made under Store::kImagesLock.
#pragma once

#include <string>
#include <vector>

#include "image/records.h"

namespace tare::image {

struct Binned {
  Record record;
  std::vector<std::string> names;
  UnixNanos removed_at = 0;
  std::string batch;
  std::string moment;  // When it was removed, as sys::Moment.
};

std::string print_binned(const Binned& binned);
Result<Binned> parse_binned(const Digest& id, std::string_view text);

Result<> put_in_bin(store::Store& store, const Binned& binned);
Result<Binned> load_binned(const store::Store& store, const Digest& id);  // Errors: NotFound.
// Oldest first. What is damaged cannot be brought back and is left out; Fail: it is an error.
enum class Unreadable : std::uint8_t { LeaveOut, Fail };
Result<std::vector<Binned>> list_binned(const store::Store& store,
                                        Unreadable unreadable = Unreadable::LeaveOut);
// What there is an entry for, readable or not.
Result<std::vector<Digest>> list_binned_ids(const store::Store& store);
Result<> remove_binned(store::Store& store, const Digest& id);

}  // namespace tare::image
