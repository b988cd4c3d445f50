// SPDX-License-Identifier: Apache-2.0
// Beside what docker buildx made of the same files (recorded/, see README.md).
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "base/text.h"
#include "front/cli/bake_targets.h"

using namespace tare;
using namespace tare::cli;

namespace {

std::string read_whole(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

struct Case {
  std::vector<BakeText> texts;
  std::vector<std::string> targets;
  std::vector<std::string> changes;
  std::map<std::string, std::string> environment;
};

Case read_case(const std::string& name) {
  Case made;
  made.texts.push_back({name + ".hcl", read_whole(std::string(TARE_BAKE "/") + name + ".hcl")});
  const std::string text = made.texts[0].text;
  for (const std::string& line : split(text, '\n')) {
    const auto said = [&](std::string_view what) {
      const std::string start = "# " + std::string(what) + ": ";
      return line.starts_with(start) ? split(line.substr(start.size()), ' ')
                                     : std::vector<std::string>();
    };
    for (const std::string& each : said("with"))
      made.texts.push_back({each, read_whole(std::string(TARE_BAKE "/") + each)});
    for (const std::string& each : said("targets")) made.targets.push_back(each);
    for (const std::string& each : said("set")) made.changes.push_back(each);
    for (const std::string& each : said("env")) {
      const auto pair = split_once(each, '=');
      made.environment[std::string(pair->first)] = pair->second;
    }
  }
  return made;
}

Result<json::Value> printed(const Case& wanted) {
  BakeInputs inputs;
  inputs.given = [&](const std::string& name) -> std::optional<std::string> {
    const auto found = wanted.environment.find(name);
    return found == wanted.environment.end() ? std::nullopt : std::optional(found->second);
  };
  inputs.constants = {{"BAKE_CMD_CONTEXT", "cwd://"}, {"BAKE_LOCAL_PLATFORM", "linux/amd64"}};
  const hcl::Body body = TRY(parse_bake(wanted.texts));
  const BakeConfig config = TRY(evaluate_bake(body, std::move(inputs)));
  const BakePlan plan = TRY(plan_bake(config, wanted.targets, wanted.changes));
  return printed_bake(plan);
}

// Objects whatever the order of their members.
json::Value sorted(const json::Value& value) {
  if (value.is_array()) {
    json::Array made;
    for (const json::Value& each : value.as_array()) made.push_back(sorted(each));
    return made;
  }
  if (!value.is_object()) return value;
  std::map<std::string, json::Value> made;
  for (const auto& [name, each] : value.as_object()) made[name] = sorted(each);
  return json::Object(made.begin(), made.end());
}

}  // namespace

TEST_CASE("bake: targets are those of docker buildx") {
  ::setenv("HOME", "/home/somebody", 1);
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(TARE_BAKE)) {
    const std::string path = entry.path().string();
    if (!path.ends_with(".hcl") || path.ends_with(".more.hcl")) continue;
    const std::string name = entry.path().stem().string();
    CAPTURE(name);
    ++count;
    const auto made = printed(read_case(name));
    const auto recorded = json::parse(read_whole(std::string(TARE_BAKE "/") + name + ".printed"));
    if (!recorded) {
      CHECK_FALSE(made.has_value());
      continue;
    }
    REQUIRE_MESSAGE(made.has_value(), made.error().message());
    CHECK_EQ(json::print(sorted(*made), json::Style::Indented),
             json::print(sorted(*recorded), json::Style::Indented));
  }
  CHECK(count > 20);
}

TEST_CASE("bake: what it prints it reads again") {
  const auto first = printed(read_case("inherits"));
  REQUIRE(first.has_value());
  Case again;
  again.texts = {{"printed.json", json::print(*first)}};
  again.targets = {"default"};
  const auto second = printed(again);
  REQUIRE_MESSAGE(second.has_value(), second.error().message());
  CHECK_EQ(json::print(sorted(*second)), json::print(sorted(*first)));
}
