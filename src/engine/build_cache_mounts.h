// SPDX-License-Identifier: Apache-2.0
// RUN --mount=type=cache: volumes that builds have in common and nobody else sees. Private to the
// room. docs/formats/volumes.md
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "build/workshop.h"
#include "store/store.h"
#include "sys/fd.h"

namespace tare::engine {

// The caches of one step, from before it begins until it has ended.
struct HeldCaches {
  std::vector<std::string> volumes;  // Of each mount; "" of one that is no cache.
  std::vector<sys::Fd> locks;
};
// All caches of `mounts`, or none: the name of one that has to be waited for is then in `busy`. New
// ones are made, with `ids`. [BuildKit frontend 1.20, reference.md "RUN --mount=type=cache"]
Result<std::optional<HeldCaches>> hold_caches(store::Store& store,
                                              const std::vector<build::RunMount>& mounts,
                                              const sys::IdMap& ids, std::string& busy);

}  // namespace tare::engine
