// SPDX-License-Identifier: Apache-2.0
// What steps of builds do for the store's budget. Private to the room.
#pragma once

#include <string>
#include <vector>

#include "engine/build.h"
#include "engine/storage.h"
#include "image/steps.h"
#include "sys/fd.h"

namespace tare::engine {

// Notes that a build runs, until the descriptor closes: what was used since the first of those that
// run began is theirs.
Result<sys::Fd> note_running(const store::Store& store);

// Why a program of a build may not go on writing, in a sentence; "": it may. Without a look through
// the store as long as that cannot be full. (budget.cc)
Result<std::string> out_of_room(const Engine& engine);

// A step that no running build may need, and its parts that no image has.
struct UnusedStep {
  image::Step step;
  std::vector<std::string> owners;
};
// Those used longest ago first.
Result<std::vector<UnusedStep>> unused_steps(store::Store& store, store::RootfsBackend& rootfs,
                                             const Usage& usage);

// Caches of --mount=type=cache that no running build may need, those used longest ago first.
Result<std::vector<CacheMount>> unused_caches(const store::Store& store, const Usage& usage);

}  // namespace tare::engine
