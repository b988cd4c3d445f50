// SPDX-License-Identifier: Apache-2.0
// All stages that the target needs, without doing anything to files.
#pragma once

#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "build/stage_state.h"
#include "build/stages.h"

namespace tare::build {

inline std::string read_whole(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

inline BuildOptions amd64_options() {
  BuildOptions options;
  options.build_platform = options.target_platform = {"linux", "amd64", ""};
  return options;
}

// The state of the target at its end. Images have `base` as their config.
inline Result<StageState> apply_stages(const StageGraph& graph, const BuildOptions& options,
                                       const oci::ImageConfig& base = {}) {
  std::vector<std::optional<StageState>> states(graph.stages().size());
  const std::vector<std::size_t> needed = TRY(graph.needed());
  for (const std::size_t index : needed) {
    const Stage& stage = graph.stages()[index];
    StageState state(graph.globals(), options, graph.escape(), base);
    if (stage.base_stage)
      state = StageState::on(*states[*stage.base_stage]);
    else if (stage.base == "scratch")
      state =
          StageState::scratch(graph.globals(), options, graph.escape(), options.target_platform);
    for (const Instruction& instruction : stage.instructions) {
      const Expanded expanded = TRY(state.expand(instruction));
      TRY(state.apply(expanded.instruction));
    }
    states[index] = std::move(state);
  }
  return std::move(*states[graph.target().index]);
}

}  // namespace tare::build
