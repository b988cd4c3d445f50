// SPDX-License-Identifier: Apache-2.0
// What steps of builds do for the store's budget. Private to the room.
#pragma once

#include <string>
#include <vector>

#include "engine/storage.h"
#include "image/steps.h"
#include "sys/fd.h"

namespace tare::engine {

// Notes that a build runs, until the descriptor closes: what was used since the first of those that
// run began is theirs.
Result<sys::Fd> note_running(const store::Store& store);

// A step that no running build may need, and its parts that no image has.
struct UnusedStep {
  image::Step step;
  std::vector<std::string> owners;
};
// Those used longest ago first.
Result<std::vector<UnusedStep>> unused_steps(store::Store& store, store::RootfsBackend& rootfs,
                                             const Usage& usage);

}  // namespace tare::engine
