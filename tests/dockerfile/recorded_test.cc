// SPDX-License-Identifier: Apache-2.0
// Beside what Docker did (recorded/, see README.md).
#include <doctest/doctest.h>

#include <algorithm>

#include "build/checks.h"
#include "build/ignore.h"
#include "codec/json.h"
#include "dockerfile/apply.h"

using namespace tare;
using namespace tare::build;

namespace {

json::Array recorded(const std::string& name) {
  const auto value = json::parse(read_whole(TARE_DOCKERFILES "/recorded/" + name));
  REQUIRE(value.has_value());
  CHECK(value->as_array().size() > 20);
  return value->as_array();
}

Result<oci::ImageConfig> config_of(const std::string& text) {
  const Dockerfile file = TRY(parse_dockerfile("Dockerfile", text));
  const BuildOptions options = amd64_options();
  const StageGraph graph = TRY(StageGraph::resolve(file, options));
  const StageState state = TRY(apply_stages(graph, options));
  return state.config();
}

// Of the last instruction of the only stage, a COPY or ADD, sorted.
Result<std::vector<std::string>> heredocs_of(const std::string& text) {
  const Dockerfile file = TRY(parse_dockerfile("Dockerfile", text));
  const BuildOptions options = amd64_options();
  const StageGraph graph = TRY(StageGraph::resolve(file, options));
  StageState state = StageState::scratch(graph.globals(), options, graph.escape(), {});
  std::vector<std::string> contents;
  for (const Instruction& instruction : graph.target().instructions) {
    const Expanded expanded = TRY(state.expand(instruction));
    const Copy* copy = expanded.instruction.as<Copy>();
    const Add* add = expanded.instruction.as<Add>();
    if (copy != nullptr || add != nullptr)
      for (const Heredoc& heredoc : (copy != nullptr ? copy->files : add->files).contents)
        contents.push_back(heredoc.content);
    TRY(state.apply(expanded.instruction));
  }
  std::ranges::sort(contents);
  return contents;
}

bool is_empty(const json::Value& value) {
  return value.is_null() || value == json::Value("") || value == json::Value(json::Array()) ||
         value == json::Value(json::Object());
}

// Objects whatever the order of their members.
bool same(const json::Value& a, const json::Value& b) {
  if (!a.is_object() || !b.is_object()) return a == b;
  return a.as_object().size() == b.as_object().size() &&
         std::ranges::all_of(a.as_object(), [&](const auto& member) {
           return same(member.second, b[member.first]);
         });
}

}  // namespace

TEST_CASE("dockerfile: configs and histories are those of Docker") {
  for (const json::Value& recording : recorded("configs.json")) {
    const std::string text = recording["dockerfile"].as_string();
    CAPTURE(text);
    const Result<oci::ImageConfig> config = config_of(text);
    CHECK(config.has_value() != recording["fails"].as_bool());
    if (!config) continue;
    const json::Value object = oci::config_object(*config);
    for (const auto& [name, value] : recording["config"].as_object()) {
      CAPTURE(name);
      CHECK_MESSAGE(same(object[name], value), json::print(object[name]), " ", json::print(value));
    }
    for (const char* const name :
         {"User", "Env", "Cmd", "Entrypoint", "Volumes", "WorkingDir", "Labels", "OnBuild",
          "StopSignal", "Shell", "ExposedPorts", "Healthcheck"})
      CHECK(is_empty(object[name]) == is_empty(recording["config"][name]));
    if (recording["history"].is_null()) continue;
    std::vector<std::string> history;
    for (const oci::History& entry : config->history) history.push_back(entry.created_by);
    std::vector<std::string> wanted = recording["history"].as_strings();
    if (wanted == std::vector<std::string>{""}) wanted.clear();
    CHECK(history == wanted);
  }
}

TEST_CASE("dockerfile: heredocs have the contents that Docker gives them") {
  for (const json::Value& recording : recorded("heredocs.json")) {
    const std::string text = recording["dockerfile"].as_string();
    CAPTURE(text);
    const auto contents = heredocs_of(text);
    CHECK(contents.has_value() != recording["fails"].as_bool());
    if (contents) CHECK(*contents == recording["contents"].as_strings());
  }
}

TEST_CASE("dockerfile: checks find what Docker's find") {
  for (const json::Value& recording : recorded("checks.json")) {
    const std::string text = recording["dockerfile"].as_string();
    CAPTURE(text);
    const auto file = parse_dockerfile("Dockerfile", text);
    REQUIRE(file.has_value());
    const CheckReport report = check_dockerfile(*file, amd64_options());
    CHECK(report.error.has_value() == recording["fails"].as_bool());
    if (report.error) continue;
    std::vector<std::string> found;
    for (const Finding& finding : report.findings)
      found.push_back(std::string(finding.rule->name) + " " +
                      std::to_string(finding.range.begin.line));
    std::vector<std::string> wanted;
    for (const json::Value& finding : recording["findings"].as_array())
      wanted.push_back(finding.as_array()[0].as_string() + " " +
                       std::to_string(finding.as_array()[1].as_int()));
    std::ranges::sort(found);
    std::ranges::sort(wanted);
    CHECK(found == wanted);
  }
}

TEST_CASE("dockerfile: .dockerignore leaves what Docker leaves") {
  const json::Array recordings = recorded("ignore.json");
  const std::vector<std::string> tree = recordings[0]["tree"].as_strings();
  for (std::size_t i = 1; i < recordings.size(); ++i) {
    std::string text;
    for (const std::string& pattern : recordings[i]["patterns"].as_strings())
      text += pattern + "\n";
    CAPTURE(text);
    const auto rules = IgnoreRules::parse(Source(".dockerignore", text));
    CHECK(rules.has_value() != recordings[i]["fails"].as_bool());
    if (!rules) continue;
    std::vector<std::string> kept;
    for (const std::string& path : tree) {
      // As a walk from the top asks.
      IgnoreRules::Memory above;
      IgnoreRules::Memory memory;
      bool ignored = false;
      bool entered = true;
      for (std::size_t at = 0; entered && at != std::string::npos;) {
        at = path.find('/', at + 1);
        ignored = rules->ignores(path.substr(0, at), above, memory);
        above = memory;
        entered =
            !ignored || at == std::string::npos || rules->may_except_below(path.substr(0, at));
      }
      if (!ignored) kept.push_back(path);
    }
    CHECK(kept == recordings[i]["kept"].as_strings());
  }
}
