// SPDX-License-Identifier: Apache-2.0
// RUN --mount=type=cache: volumes that builds have in common and nobody else sees. Private to the
// room. docs/formats/volumes.md
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "build/workshop.h"
#include "engine/build.h"
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

// That used longest ago first. `usage`: of this store.
std::vector<CacheMount> cache_mounts_of(const store::Store& store, const Usage& usage);
// Whether it went: not when a step uses it.
Result<bool> remove_unused_cache(store::Store& store, const std::string& volume,
                                 store::Store::Removal how);
// Those that a build made for one step, and was killed before that had a container.
void remove_left_caches(const Engine& engine, store::Store& store);

}  // namespace tare::engine
