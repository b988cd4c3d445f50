// SPDX-License-Identifier: Apache-2.0
// PRIVILEGED. What was written into a container's writable layer, as the tar of an image layer.
// [linux Documentation/filesystems/overlayfs.rst; image-spec 1.1 layer.md, "Whiteouts"]
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/text.h"
#include "codec/stream.h"
#include "store/lent_contents.h"
#include "store/store.h"
#include "sys/ids.h"

namespace tare::store {

struct UpperRequest {
  int upper = -1;                   // The upper directory. Borrowed.
  int merged = -1;                  // The root of a mount of it. Borrowed.
  const sys::IdMap* ids = nullptr;  // Which that mount shows.
  std::vector<Layer> below;         // The layers that it is over.
  // Paths without a '/' in front where the engine has put something. What is empty there, and not
  // in the layers below, is no work of the container's.
  std::vector<std::string> places;
  UnixNanos newest = 0;                // Later times become this one.
  bool same_times = false;             // All times do.
  const LentContents* lent = nullptr;  // Borrowed; none: all files have their contents.
  bool whole = false;  // All that the mount shows, instead of what is in `upper` (unused).
};

// In an order that depends on names alone. Nobody may be writing. Sockets are left out, as are
// directories below which nothing changed and which are as they were. Returns the number of
// entries. Errors: Unsupported (a path too long for a tar), Corrupt (a layer below).
Result<std::uint64_t> write_upper_tar(const Store& store, const UpperRequest& request,
                                      codec::Sink& sink);

}  // namespace tare::store
