// SPDX-License-Identifier: Apache-2.0
// Pulling of a layer only what is not here: its list of files, and those frames of its blob whose
// files the store lacks. docs/decisions/0018. Private to the room.
#pragma once

#include "image/intake.h"
#include "image/registry.h"

namespace tare::image {

class PartialPull {
 public:
  // All outlive it. Whoever calls holds kBlobsLock, and no request of the registry is under way.
  PartialPull(Registry& registry, const Site& site, Intake& intake)
      : registry_(registry), site_(site), intake_(intake) {}

  struct Saved {
    std::uint64_t fetched = 0;
  };
  // Stages the layer (its key is PlannedLayer::path). Nothing when it has no such form, or too
  // little of it is here. `told` hears how many bytes have come, of how many. SECURITY: nothing
  // that the list says is believed: the layer is staged when its bytes have the diff_id that the
  // image's config promises. Errors: whatever does not fit; the whole layer is to be pulled then.
  using Told = std::function<void(std::uint64_t done, std::uint64_t total)>;
  Result<std::optional<Saved>> run(const PlannedLayer& layer, const Told& told);

 private:
  transfer::Request part(const PlannedLayer& layer, std::uint64_t begin, std::uint64_t end) const;
  Result<std::string> fetch_toc(const PlannedLayer& layer);
  Result<> fetch(const PlannedLayer& layer, const ChunkedPlan& plan, int file, const Told& told);

  Registry& registry_;
  const Site& site_;
  Intake& intake_;
};

}  // namespace tare::image
