// SPDX-License-Identifier: Apache-2.0
#include "build/unused_arguments.h"

#include <set>

#include "base/text.h"

namespace tare::build {
namespace {

void add_names(std::set<std::string>& names, const std::vector<Instruction>& instructions) {
  for (const Instruction& instruction : instructions)
    if (const Arg* arg = instruction.as<Arg>())
      for (const ArgDefinition& definition : arg->arguments) names.insert(definition.key.text);
}

}  // namespace

std::vector<std::string> unused_arguments(const StageGraph& graph, const BuildOptions& options) {
  if (options.arguments.empty()) return {};
  std::set<std::string> known{"SOURCE_DATE_EPOCH"};
  for (const std::string& name : platform_variables(options, "").names()) known.insert(name);
  add_names(known, graph.preamble());
  for (const Stage& stage : graph.stages()) add_names(known, stage.instructions);
  std::vector<std::string> unused;
  for (const auto& [name, value] : options.arguments)
    if (!known.contains(name) && !is_proxy_variable(name) && !name.starts_with("BUILDKIT_"))
      unused.push_back(name);
  if (unused.empty()) return {};
  return {"One or more build-args [" + join(unused, " ") + "] were not consumed"};
}

}  // namespace tare::build
