// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "base/text.h"
#include "build/checks.h"

namespace tare::build {
namespace {

constexpr std::array<CheckRule, 22> kRules = {{
    {"ConsistentInstructionCasing", "consistent-instruction-casing",
     "all instructions are written in capitals, or all in small letters"},
    {"CopyIgnoredFile", "copy-ignored-file", "what is copied is not excluded by .dockerignore"},
    {"DuplicateStageName", "duplicate-stage-name", "no two stages have the same name"},
    {"ExposeInvalidFormat", "expose-invalid-format",
     "EXPOSE names ports of the container, not addresses or ports of the host"},
    {"ExposeProtoCasing", "expose-proto-casing", "protocols are written in small letters"},
    {"FromAsCasing", "from-as-casing", "FROM and AS are written alike"},
    {"FromPlatformFlagConstDisallowed", "from-platform-flag-const-disallowed",
     "a stage is not bound to one platform unless its name says so"},
    {"InvalidBaseImagePlatform", "", "a base image is for the platform that is built for"},
    {"InvalidDefaultArgInFrom", "invalid-default-arg-in-from",
     "with the defaults of all ARGs every FROM names an image"},
    {"InvalidDefinitionDescription", "invalid-definition-description",
     "a comment right above ARG or FROM starts with the name that it describes", true},
    {"JSONArgsRecommended", "json-args-recommended",
     "CMD and ENTRYPOINT have the JSON form, so that signals reach the program"},
    {"LegacyKeyValueFormat", "legacy-key-value-format", "ENV and LABEL are written with '='"},
    {"MaintainerDeprecated", "maintainer-deprecated", "authors are named by a label"},
    {"MultipleInstructionsDisallowed", "multiple-instructions-disallowed",
     "CMD, ENTRYPOINT and HEALTHCHECK are given once in a stage"},
    {"NoEmptyContinuation", "no-empty-continuation", "no blank lines stand within an instruction"},
    {"RedundantTargetPlatform", "redundant-target-platform",
     "FROM does not ask for the target platform, which it takes anyway"},
    {"ReservedStageName", "reserved-stage-name", "no stage is called scratch or context"},
    {"SecretsUsedInArgOrEnv", "secrets-used-in-arg-or-env",
     "secrets come as mounts and not as ARG or ENV, which the image keeps"},
    {"StageNameCasing", "stage-name-casing", "names of stages are written in small letters"},
    {"UndefinedArgInFrom", "undefined-arg-in-from", "variables in FROM have an ARG above it"},
    {"UndefinedVar", "undefined-var", "variables are set before they are used"},
    {"WorkdirRelativePath", "workdir-relative-path",
     "the first WORKDIR of a stage does not depend on that of its base"},
}};

std::set<std::string> names(std::string_view list) {
  std::set<std::string> all;
  for (const std::string& name : split(list, ','))
    if (!trim(name).empty()) all.emplace(trim(name));
  return all;
}

}  // namespace

std::span<const CheckRule> check_rules() { return kRules; }

std::string CheckRule::url() const {
  return page.empty() ? ""
                      : "https://docs.docker.com/go/dockerfile/rule/" + std::string(page) + "/";
}

bool CheckSettings::wants(const CheckRule& rule) const {
  const std::string name(rule.name);
  if (rule.experimental) return experimental_all || experimental.contains(name);
  return !skip_all && !skip.contains(name);
}

void CheckSettings::merge(const CheckSettings& other) {
  skip_all = skip_all || other.skip_all;
  skip.insert(other.skip.begin(), other.skip.end());
  experimental_all = experimental_all || other.experimental_all;
  experimental.insert(other.experimental.begin(), other.experimental.end());
}

Result<CheckSettings> parse_check_settings(std::string_view text) {
  CheckSettings settings;
  if (trim(text).empty()) return settings;
  for (const std::string& option : split(text, ';')) {
    const auto pair = split_once(option, '=');
    const std::string_view name = trim(pair ? pair->first : option);
    const std::string_view value = trim(pair ? pair->second : std::string_view());
    if (pair && name == "skip") {
      settings.skip_all = value == "all";
      settings.skip = names(value);
    } else if (pair && name == "experimental") {
      settings.experimental_all = value == "all";
      settings.experimental = names(value);
    } else if (pair && name == "error" && (value == "true" || value == "1")) {
      settings.error = true;
    } else if (!pair || name != "error" || (value != "false" && value != "0")) {
      return std::unexpected(Error(Kind::Invalid, "checks have no option " + quoted(option))
                                 .hint("write skip=RULE,RULE;error=true;experimental=RULE"));
    }
  }
  return settings;
}

std::string Finding::text() const {
  std::string out = std::string(rule->name) + ": " + message + "\n" + source->name() + ":" +
                    std::to_string(range.begin.line) + ":" + std::to_string(range.begin.column) +
                    marked_line(*source, range);
  if (!rule->page.empty()) out += "\nsee " + rule->url();
  return out;
}

}  // namespace tare::build
