// SPDX-License-Identifier: Apache-2.0
// Which steps of a build share a layer of its image: layers are moved and kept whole, so a few that
// change at different times are better than one for each step.
// [docs/decisions/0027-layers-are-not-steps.md]
#pragma once

#include <cstdint>
#include <vector>

#include "build/workshop.h"

namespace tare::build {

enum class LayerWish : std::uint8_t {
  Few,    // By LAYER marks, or else by how often steps change.
  Steps,  // One each.
  One,    // All steps together: --squash.
  All,    // And with them the base image: --squash-all.
};

// A step of the result that made a layer.
struct OutputStep {
  Digest diff_id;
  std::uint64_t size = 0;  // Bytes of its files.
  std::size_t entry = 0;   // Of the history.
  bool is_run = false;
  bool takes_sources = false;  // Of the context or another stage: what people change.
  bool ends_layer = false;     // By a mark.
};

// Where each layer ends: indexes one after its last step, in order.
std::vector<std::size_t> layer_ends(const std::vector<OutputStep>& steps, LayerWish wish);

// The files of the result in as many layers as are wanted, and which entries of `history` have one.
// `files` ends with the layers of `steps`. Errors: those of Workshop::merge().
Result<Files> make_output_layers(Workshop& workshop, const Files& files,
                                 const std::vector<OutputStep>& steps, LayerWish wish,
                                 std::vector<oci::History>& history);

}  // namespace tare::build
