// SPDX-License-Identifier: Apache-2.0
// What lies in the store and what it takes: every file below the root belongs to a class, by one
// table of paths. [docs/decisions/0012-every-byte-has-an-owner.md]
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace tare::store {

enum class UsageClass : std::uint8_t {
  Blobs,        // Layers, configs and manifests as they came.
  Objects,      // Files of layers, by content.
  Layers,       // Indexes and packs of layers.
  Roots,        // Unpacked root file systems.
  Upper,        // What containers wrote.
  Logs,         // What containers said.
  Volumes,      //
  Downloads,    // Begun, to be resumed.
  Caches,       // Can be made again.
  Bin,          // Removed, and kept for undo.
  Temporary,    // Under way.
  Trash,        // Removed, and on its way out.
  Bookkeeping,  // Records, names, locks, directories.
  Other,        // Nothing that we know.
};
constexpr std::size_t kUsageClasses = 14;
std::string_view usage_class_name(UsageClass which);  // "blobs", for tables and metrics.

// What a path below the root belongs to. `owner` is the beginning of the path that is one thing:
// "blobs/sha256/HEX", "containers/ID/upper"; files that no single thing owns have their directory.
struct PathOwner {
  UsageClass which = UsageClass::Other;
  std::string_view owner;  // Points into the path.
};
PathOwner owner_of(std::string_view path);

struct UsageSum {
  std::uint64_t bytes = 0;
  std::uint64_t files = 0;
};
struct StoreUsage {
  std::array<UsageSum, kUsageClasses> classes;
  std::map<std::string, std::uint64_t, std::less<>> owners;  // PathOwner::owner to bytes.
  UsageSum total;

  const UsageSum& of(UsageClass which) const { return classes[static_cast<std::size_t>(which)]; }
  std::uint64_t owner_bytes(std::string_view owner) const;
  // Of all owners that begin so.
  std::uint64_t bytes_below(std::string_view prefix) const;
};

// Walks the store below `root` (a directory's descriptor): allocated bytes (st_blocks) of
// everything, directories too, hard links once, as `du -sx --block-size=1` counts them. Follows no
// links and enters no other mounts. What goes away meanwhile is not counted.
Result<StoreUsage> measure_usage(int root);

}  // namespace tare::store
