// SPDX-License-Identifier: Apache-2.0
// What the engine tells about the store's space, and how it gives some back: accounting, the bin,
// pruning. Included by engine/engine.h.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "base/text.h"
#include "store/usage.h"
#include "store/volumes.h"

namespace tare::engine {

struct ImageUsage {
  Digest id;
  std::vector<std::string> names;  // Full references.
  bool removed = false;            // It is in the bin.
  int containers = 0;              // That use it, those in the bin not among them.
  UnixNanos created = 0;
  UnixNanos last_used = 0;
  std::uint64_t shared = 0;         // Bytes that other images need too.
  std::uint64_t unique = 0;         // Bytes that go with it.
  std::vector<std::string> owners;  // Its parts, as in StoreUsage::owners.
};

struct ContainerUsage {
  std::string id;
  std::string name;
  std::string image;
  std::string status;         // "running", "exited", "created"; "removed": it is in the bin.
  std::uint64_t written = 0;  // Its writable layer.
  std::uint64_t logs = 0;
  std::uint64_t records = 0;
};

struct VolumeUsage {
  std::string name;
  bool anonymous = false;
  bool removed = false;  // It is in the bin.
  int containers = 0;    // That have it.
  std::uint64_t bytes = 0;
  std::string owner;  // As in StoreUsage::owners.
  std::string cache;  // What a cache of builds is called there; "": it is none.
};

struct CreateVolumeRequest {
  std::string name;  // "": an anonymous one.
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> options;
};

struct VolumeInfo {
  store::Volume volume;
  std::vector<std::string> containers;  // Ids of those that have it, running or not.
};

struct Usage {
  store::StoreUsage store;
  std::vector<ImageUsage> images;
  std::vector<ContainerUsage> containers;
  std::vector<VolumeUsage> volumes;
  std::uint64_t volumes_reclaimable = 0;  // Of those that no container has.
  std::vector<VolumeUsage> caches;        // Of builds: --mount=type=cache.
  std::uint64_t caches_bytes = 0;
  std::uint64_t images_bytes = 0;          // What belongs to images that were not removed.
  std::uint64_t images_reclaimable = 0;    // Of them, to those without a container.
  std::uint64_t removed_images_bytes = 0;  // What belongs only to images in the bin.
  std::vector<std::string> unowned;  // Parts of images that no image has, as a load under way.
  std::uint64_t unowned_bytes = 0;
  int steps = 0;                      // Of builds, that are kept,
  std::set<std::string> step_owners;  // parts that they alone have,
  std::uint64_t steps_bytes = 0;      // and what those take.
};

struct Budget {
  std::uint64_t max = 0;        // What the store may take.
  std::uint64_t used = 0;       // What it takes.
  std::uint64_t available = 0;  // Left of the budget and of the disk.
  std::uint64_t disk = 0;       // Size of the file system.
  std::uint64_t disk_free = 0;
  std::uint64_t reserve = 0;  // Never written to, so that removing works.
};

// What makes room, and whether it would be enough.
struct RoomPlan {
  Budget budget;
  std::vector<std::string> evictions;  // Sentences, in the order in which they go.
  std::uint64_t would_give = 0;        // Bytes; of everything unused when it is not enough.
  bool enough = true;
};

// The file `scrub` of the store. [docs/formats/scrub.md]
struct ScrubState {
  UnixNanos began = 0;                 // Of the one under way; 0: none is.
  std::size_t done = 0;                // Layers and images that it has read.
  UnixNanos finished = 0;              // Of the last whole one; 0: never.
  std::vector<std::string> found;      // Damage that the last whole one found, a sentence each.
  std::vector<std::string> found_now;  // ... and the one under way.
};

struct Why {
  std::string path;  // Below the root.
  std::uint64_t bytes = 0;
  std::string which;               // Name of its class.
  std::vector<std::string> whose;  // Sentences.
  std::string freed_by;            // A sentence; empty: nothing frees it, it belongs to the store.
};

struct Removed {
  enum class Type : std::uint8_t { Image, Volume, Container } type = Type::Image;
  std::string id;                  // Of an image: with "sha256:"; of a volume: its key in the bin.
  std::vector<std::string> names;  // Of an image: full references.
  std::string image;               // Of a container: what it was made of.
  UnixNanos removed_at = 0;
  UnixNanos until = 0;
  std::string batch;
  std::uint64_t bytes = 0;
};

struct Restored {
  Removed::Type type = Removed::Type::Image;
  std::string id;
  std::vector<std::string> names;  // That it has again.
  std::vector<std::string> taken;  // That others have now.
};

struct PruneRequest {
  bool images = false;
  bool all_images = false;  // Not only those without a name.
  bool containers = false;
  bool volumes = false;                                   // Those that no container has...
  bool all_volumes = false;                               // ...and not only anonymous ones.
  UnixNanos before = 0;                                   // Only what was made before; 0: any time.
  std::vector<std::pair<std::string, std::string>> with;  // Labels; an empty value: any.
  std::vector<std::pair<std::string, std::string>> without;
  std::optional<bool> dangling;
};

struct PrunePlan {
  struct Image {
    Digest id;
    std::vector<std::string> names;
  };
  std::vector<std::string> containers;
  std::vector<Image> images;
  std::vector<std::string> volumes;
  std::uint64_t bytes = 0;
};

struct Pruned {
  std::vector<std::string> containers;
  std::vector<std::string> image_lines;  // "untagged: x", "deleted: sha256:..."
  std::vector<std::string> volumes;
  std::uint64_t bytes = 0;
  std::vector<Error> problems;
};

}  // namespace tare::engine
