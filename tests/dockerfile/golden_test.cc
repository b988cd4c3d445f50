// SPDX-License-Identifier: Apache-2.0
// What is understood of whole Dockerfiles (golden/, see README.md).
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/text.h"
#include "build/checks.h"
#include "codec/json.h"
#include "dockerfile/apply.h"

using namespace tare;
using namespace tare::build;

namespace {

std::string place(const Range& range) {
  const auto at = [](const Position& position) {
    return std::to_string(position.line) + ":" + std::to_string(position.column);
  };
  return at(range.begin) + "-" + at(range.end);
}

std::string shown(const Text& text) { return tare::quoted(text.text) + "@" + place(text.range); }

std::string shown(const std::vector<Text>& texts) {
  std::string out;
  for (const Text& text : texts) out += " " + shown(text);
  return out;
}

std::string shown(const CommandLine& command) {
  std::string out = command.json ? " json" : " shell";
  for (const std::string& word : command.words) out += " " + tare::quoted(word);
  for (const Heredoc& heredoc : command.heredocs)
    out += " heredoc " + heredoc.name + "@" + place(heredoc.range);
  return out;
}

std::string shown(const FileSources& files) {
  std::string out = shown(files.paths);
  for (const Heredoc& heredoc : files.contents)
    out += " heredoc " + heredoc.name + " " + tare::quoted(heredoc_text(heredoc));
  return out + " to " + shown(files.destination);
}

std::string details(const Instruction& instruction) {
  if (const From* from = instruction.as<From>()) return " " + shown(from->image);
  if (const Run* run = instruction.as<Run>()) return shown(run->mounts) + shown(run->command);
  if (const Cmd* cmd = instruction.as<Cmd>()) return shown(cmd->command);
  if (const auto* entrypoint = instruction.as<Entrypoint>()) return shown(entrypoint->command);
  if (const Copy* copy = instruction.as<Copy>()) return shown(copy->files);
  if (const Add* add = instruction.as<Add>()) return shown(add->files);
  if (const auto* check = instruction.as<HealthcheckOptions>()) return shown(check->command);
  std::string out;
  if (const Env* env = instruction.as<Env>())
    for (const KeyValue& pair : env->variables) out += " " + shown(pair.key) + shown(pair.value);
  if (const Label* label = instruction.as<Label>())
    for (const KeyValue& pair : label->labels) out += " " + shown(pair.key) + shown(pair.value);
  return out;
}

std::string describe_stage(const Stage& stage) {
  std::string out = "stage " + stage.label() + " on " + stage.base;
  if (stage.base_stage) out += " (stage " + std::to_string(*stage.base_stage) + ")";
  if (stage.platform) out += " for " + stage.platform->text();
  for (const Dependency& dependency : stage.dependencies)
    out += (dependency.kind == Dependency::Kind::Copy ? ", copies " : ", mounts ") +
           (dependency.stage ? "stage " + std::to_string(*dependency.stage) : dependency.image);
  return out + "\n";
}

Result<std::string> describe(const std::string& text) {
  const Dockerfile file = TRY(parse_dockerfile("Dockerfile", text));
  std::string out;
  for (const Instruction& instruction : file.instructions)
    out += place(instruction.range) + " " + instruction.keyword + details(instruction) + "\n";
  BuildOptions options = amd64_options();
  const StageGraph graph = TRY(StageGraph::resolve(file, options));
  for (const Stage& stage : graph.stages()) out += describe_stage(stage);
  out += "needed:";
  const std::vector<std::size_t> needed = TRY(graph.needed());
  for (const std::size_t index : needed) out += " " + graph.stages()[index].label();
  out += "\n";
  oci::ImageConfig base;
  base.os = "linux";
  base.architecture = "amd64";
  base.env = {"PATH=/usr/bin:/bin", "LANG=C.UTF-8"};
  base.cmd = {"bash"};
  CheckInputs inputs;
  inputs.base_config = [&](const Stage&) { return base; };
  const CheckReport report = check_dockerfile(file, options, inputs);
  for (const Finding& finding : report.findings) out += finding.text() + "\n";
  if (report.error) out += report.error->message() + "\n";
  const StageState state = TRY(apply_stages(graph, options, base));
  out += json::print(oci::config_object(state.config()), json::Style::Indented) + "\n";
  for (const oci::History& entry : state.config().history)
    out += (entry.empty_layer ? "  " : "L ") + escaped(entry.created_by) + "\n";
  return out;
}

}  // namespace

TEST_CASE("dockerfile: whole Dockerfiles are understood") {
  const char* const mode = std::getenv("TARE_GOLDEN");
  const bool write = mode != nullptr && std::string_view(mode) == "write";
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(TARE_DOCKERFILES "/golden")) {
    if (entry.path().extension() != ".Dockerfile") continue;
    const std::string path = entry.path();
    CAPTURE(path);
    const Result<std::string> description = describe(read_whole(path));
    std::string text =
        description ? *description : "error: " + description.error().message() + "\n";
    if (!description && !description.error().hint().empty())
      text += "hint: " + description.error().hint() + "\n";
    const std::string golden =
        std::filesystem::path(entry.path()).replace_extension(".golden").string();
    if (write) std::ofstream(golden, std::ios::binary) << text;
    CHECK(text == read_whole(golden));
    ++files;
  }
  CHECK(files > 5);
}
