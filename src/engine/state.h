// SPDX-License-Identifier: Apache-2.0
// What the parts of the engine share. Private to this room.
#pragma once

#include <memory>
#include <string>

#include "engine/engine.h"
#include "engine/id_ranges.h"
#include "store/store.h"
#include "sys/signals.h"

namespace tare::engine {

struct Engine::State {
  explicit State(store::Store opened)
      : store(std::move(opened)),
        rootfs(store::make_flat_backend(store)),
        images(store, *rootfs),
        id_ranges("") {}

  store::Store store;
  std::unique_ptr<store::RootfsBackend> rootfs;
  image::Images images;
  IdRanges id_ranges;
  std::string self;             // The tare program.
  std::string programs;         // Directory of tare-keeper and tare-init.
  bool namespace_root = false;  // We were an ordinary user before.

  std::string container_path(const std::string& id) const {
    return store.path() + "/containers/" + id;
  }
  Result<sys::Fd> open_container(const std::string& id) const;
  // Takes the container's lock: Busy when it is running or being started or removed.
  Result<sys::Fd> lock_container(int dir, const std::string& name) const;
  // Removes cgroups of a container whose keeper died without doing it.
  void heal(const Container& container) const;
  // Lets a paused container go on; any other one does.
  Result<> thaw(const Container& container) const;
  // Removes an auto-remove container whose owner died between its exit and the removal.
  bool sweep(const Container& container, int dir);
  // Its directory, name and ids; the caller holds the lock.
  Result<> destroy(const Container& container);
};

// The id map that images are unpacked for ahead of any container: the first range's.
Result<sys::IdMap> first_map();

using sys::parse_signal;

}  // namespace tare::engine
