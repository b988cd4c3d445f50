// SPDX-License-Identifier: Apache-2.0
// PRIVILEGED. A container's writable layer over a root file system. Shared by the backends.
#pragma once

#include <sys/stat.h>

#include <cstdint>

#include "sys/fd.h"
#include "sys/ids.h"

namespace tare::store {

constexpr std::uint32_t kIds = 65536;  // Of every container.

// An image's own ids.
sys::IdMap own_ids();
// The id inside of the map that `outside` is of. Errors: Internal.
Result<std::uint32_t> inside_of(const sys::IdMap& ids, std::uint32_t outside);

struct OverlayRequest {
  int lower = -1;         // A detached mount that shows the ids of `ids`. Borrowed.
  int data = -1;          // A detached mount with data-only files for it, or -1. Borrowed.
  std::uint32_t uid = 0;  // Owner and mode of the image's root directory, ids as inside.
  std::uint32_t gid = 0;
  std::uint32_t mode = 0755;
  const sys::IdMap* ids = nullptr;
  int container_dir = -1;  // Gets upper/ and work/. Borrowed.
  // What is written need not survive a power cut: the kernel waits for no file that it copies up.
  bool is_volatile = false;
};
// A detached mount. Errors: those of the kernel, with a hint.
Result<sys::Fd> mount_overlay(const OverlayRequest& request);

// Shows `mount` through `ids`, which may be the identity.
Result<> show_ids(int mount, const sys::IdMap& ids);

}  // namespace tare::store
