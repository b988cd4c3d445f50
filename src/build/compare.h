// SPDX-License-Identifier: Apache-2.0
// Two builds of the same, compared: the first file in which they differ, and the step that wrote
// it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "build/builder.h"
#include "store/layer_index.h"

namespace tare::build {

struct Difference {
  std::string path;  // "/etc/x". Empty: the steps themselves are not the same.
  std::string what;  // "its content differs", "only the second time".
};

// The first difference by path; nothing when both have the same entries. Times, modes, owners,
// attributes and links count. Errors: Corrupt.
Result<std::optional<Difference>> compare_layers(const store::LayerIndex& first,
                                                 const store::LayerIndex& second);

struct StepDifference {
  TracedStep step;  // Of the first build.
  Difference difference;
};
using IndexLoader = std::function<Result<store::LayerIndex>(const Digest& diff_id)>;

// The first step of `first` that had another result in `second`. Errors: those of `load`.
Result<std::optional<StepDifference>> compare_builds(const std::vector<TracedStep>& first,
                                                     const std::vector<TracedStep>& second,
                                                     const IndexLoader& load);

}  // namespace tare::build
