// SPDX-License-Identifier: Apache-2.0
// What is allowed in a Dockerfile and better not done: `build --check`. The rules have the names of
// Docker's, whose pages explain them. [docs.docker.com/reference/build-checks]
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "build/ignore.h"
#include "build/stages.h"
#include "oci/image_config.h"

namespace tare::build {

struct CheckRule {
  std::string_view name;      // "StageNameCasing"
  std::string_view page;      // Last part of its page's address; empty: it has none.
  std::string_view about;     // One sentence.
  bool experimental = false;  // Only looked at when it is asked for.

  std::string url() const;
};
std::span<const CheckRule> check_rules();

// "# check=skip=A,B;error=true;experimental=all"
struct CheckSettings {
  bool skip_all = false;
  std::set<std::string> skip;
  bool experimental_all = false;
  std::set<std::string> experimental;
  bool error = false;  // A finding fails the build.

  bool wants(const CheckRule& rule) const;
  void merge(const CheckSettings& other);  // Of a comment above an instruction, which can only add.
};
// Errors: Invalid, with the option that there is not.
Result<CheckSettings> parse_check_settings(std::string_view text);

struct Finding {
  const CheckRule* rule = nullptr;
  SourcePtr source;
  Range range;
  std::string message;

  // "RULE: MESSAGE", place and line, the rule's page: several lines.
  std::string text() const;
};

struct CheckReport {
  std::vector<Finding> findings;  // By place.
  bool fails = false;             // There are findings, and they are to be taken for errors.
  std::optional<Error> error;     // What is wrong with the Dockerfile itself; checks ended there.
};

struct CheckInputs {
  const IgnoreRules* ignore = nullptr;    // Of the context.
  std::optional<CheckSettings> settings;  // Instead of those of the file.
  // The config of the image that is a stage's base, nullopt when it is not known: then nothing is
  // said about variables, which may come from there.
  std::function<std::optional<oci::ImageConfig>(const Stage&)> base_config;
};

// All stages are looked at, also those that the target does not need.
CheckReport check_dockerfile(const Dockerfile& file, const BuildOptions& options,
                             const CheckInputs& inputs = {});

}  // namespace tare::build
