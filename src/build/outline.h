// SPDX-License-Identifier: Apache-2.0
// What a build of a target can be given: arguments, secrets, agents. `build --call outline`.
// [BuildKit frontend 1.20, subrequests "frontend.outline"]
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "build/stages.h"
#include "oci/image_config.h"

namespace tare::build {

struct OutlineItem {
  std::string name;
  std::string value;        // Of an argument: that of --build-arg, or its default. May be empty.
  std::string description;  // Of a comment above.
  bool required = false;    // Of a secret or an agent.
  SourcePtr source;
  Range range;
};

struct Outline {
  std::string name;  // The target's; empty when it has none.
  std::string description;
  // Of the target and of all stages that it needs; each name once, by place.
  std::vector<OutlineItem> arguments;
  std::vector<OutlineItem> secrets;
  std::vector<OutlineItem> agents;
};

// `base_config` gives the config of the image that a stage stands on, if it is known. Errors: those
// of StageGraph::resolve() and of StageState, with the place.
using BaseConfig = std::function<std::optional<oci::ImageConfig>(const Stage&)>;
Result<Outline> outline_of(const Dockerfile& file, const BuildOptions& options,
                           const BaseConfig& base_config);

}  // namespace tare::build
