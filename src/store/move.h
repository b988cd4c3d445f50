// SPDX-License-Identifier: Apache-2.0
// Moving a store to another directory, as a rule of another file system. The old store is in charge
// and whole until one rename puts a link to the new one in its place.
// [docs/decisions/0016-moving-a-store.md]
#pragma once

#include <memory>
#include <string>

#include "store/store.h"
#include "store/tree_copy.h"
#include "store/usage.h"

namespace tare::store {

class StoreMove {
 public:
  // Whether the store can be moved to `place`, which is made, or is an empty directory, or has what
  // a move that was broken off left. `usage` is what the store takes. Nothing of the store changes.
  // Errors: Invalid; Exists (not empty); Denied; Unsupported, with the reason; Unavailable (too
  // small).
  static Result<std::unique_ptr<StoreMove>> prepare(Store& store, const std::string& place,
                                                    const StoreUsage& usage,
                                                    TreeCopy::Progress progress);
  // Empties the place again unless it became the store.
  ~StoreMove();
  StoreMove(const StoreMove&) = delete;
  StoreMove& operator=(const StoreMove&) = delete;

  const std::string& place() const { return place_; }
  // What is written once and never changed, while others use the store; compared afterwards.
  Result<> copy_contents();
  // All the rest, and what has come to the contents and gone; compared. Nobody uses the store.
  Result<> copy_rest();
  // The path of the store leads to the new place from here on. What is left of the old one is
  // removed by whoever opens the store next.
  Result<> switch_over();

 private:
  StoreMove(Store& store, TreeCopy::Progress progress)
      : store_(store), progress_(std::move(progress)) {}
  Result<> find_old();
  Result<> open_place();
  Result<> empty_place();
  Result<> check_room(const StoreUsage& usage) const;
  Result<> check_features();
  Result<> sync() const;

  Store& store_;
  TreeCopy::Progress progress_;
  std::string old_;    // Without links.
  sys::Fd parent_;     // Of the old place.
  std::string name_;   // In it.
  std::string place_;  // Without links.
  sys::Fd dir_;        // The place.
  bool made_ = false;  // We made the directory.
  bool done_ = false;
  std::unique_ptr<TreeCopy> copy_;
};

}  // namespace tare::store
