// SPDX-License-Identifier: Apache-2.0
#include "engine/build_bound.h"

#include <algorithm>

#include "store/streams.h"

namespace tare::engine {
namespace {

// So much a build may write before the store is looked through for how much it may.
constexpr std::uint64_t kUnseen = 64 << 20;

}  // namespace

Result<> BuildBound::take(std::uint64_t bytes) {
  taken_ += bytes;
  if (most_ == 0) {
    const Budget disk = TRY(engine_.budget(0));
    most_ = std::max<std::uint64_t>(std::min(disk.available, kUnseen), 1);
  }
  if (taken_ > most_ && !is_exact_) {
    const std::uint64_t before = taken_ - bytes;
    TRY(engine_.bound_room());
    most_ = before + store_.room();
    is_exact_ = true;
  }
  if (taken_ > most_) return store::no_more_room(most_);
  return {};
}

}  // namespace tare::engine
