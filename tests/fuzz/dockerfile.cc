// SPDX-License-Identifier: Apache-2.0
// What is read has places in the text, and stages, checks and configs can be made of it or are
// refused with a reason.
#include "build/checks.h"
#include "build/extensions.h"
#include "build/stage_state.h"
#include "fuzz/fuzz.h"

using namespace tare;
using namespace tare::build;

namespace {

void apply(const StageGraph& graph, const Stage& stage, const BuildOptions& options) {
  StageState state(graph.globals(), options, graph.escape(), {});
  for (const Instruction& instruction : stage.instructions) {
    const auto expanded = state.expand(instruction);
    if (!expanded || !state.apply(expanded->instruction)) return;
    if (const Run* run = expanded->instruction.as<Run>())
      FUZZ_CHECK(!state.command(*run).arguments.empty());
  }
}

}  // namespace

// Extensions are replaced once: what is printed has none, and reads the same.
static void expand_extended(std::string_view bytes, const BuildOptions& options) {
  const auto source = std::make_shared<const Source>("Dockerfile", std::string(bytes));
  auto lines = split_lines(source);
  if (!lines) return;
  const IncludeReader read = [](std::string_view what, std::string_view) -> Result<std::string> {
    if (what == "loop") return "INCLUDE loop\nINCLUDE loop\n";
    return "FOR x IN a b\nRUN $x\nEND\n";
  };
  const auto plain = expand_extensions(*std::move(lines), options, read);
  if (!plain) return;
  const auto again = parse_dockerfile("Dockerfile", print_plain(*plain));
  if (!again) FUZZ_CHECK(again.error().kind() == Kind::Invalid);
}

TARE_FUZZER(dockerfile) {
  BuildOptions options;
  options.build_platform = options.target_platform = {"linux", "amd64", ""};
  expand_extended(bytes, options);
  const auto file = parse_dockerfile("Dockerfile", std::string(bytes));
  if (!file) {
    FUZZ_CHECK(file.error().kind() == Kind::Invalid);
    FUZZ_CHECK(file.error().message().starts_with("Dockerfile:"));
    return;
  }
  for (const Instruction& instruction : file->instructions) {
    FUZZ_CHECK(instruction.range.begin.line >= 1 && instruction.range.begin.column >= 1);
    FUZZ_CHECK(instruction.range.begin < instruction.range.end);
    FUZZ_CHECK(instruction.range.end.line <= file->source->lines());
  }
  const CheckReport report = check_dockerfile(*file, options);
  for (const Finding& finding : report.findings) FUZZ_CHECK(!finding.text().empty());
  const auto graph = StageGraph::resolve(*file, options);
  if (!graph) return;
  for (const Stage& stage : graph->stages()) apply(*graph, stage, options);
  if (const auto needed = graph->needed()) FUZZ_CHECK(needed->back() == graph->target().index);
}
