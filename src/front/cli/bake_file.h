// SPDX-License-Identifier: Apache-2.0
// The files of bake: HCL or JSON, several as one. [docker buildx, "Bake file reference"]
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "codec/hcl_evaluate.h"

namespace tare::cli {

struct BakeText {
  std::string name;
  std::string text;
};
// One behind the other; what is said twice is dealt with by who reads them. Errors: Invalid, with
// the place; Unsupported (compose).
Result<hcl::Body> parse_bake(const std::vector<BakeText>& texts);

struct BakeVariable {
  std::string name;
  std::string type;  // "" where the file says none.
  std::string description;
  json::Value value;
};
// Members are in the order of kBakeMembers, and as bake_members.h has them.
struct BakeTarget {
  std::string name;
  json::Value members;
};
struct BakeGroup {
  std::string name;
  std::string description;
  std::vector<std::string> targets;
};
struct BakeConfig {
  std::vector<BakeGroup> groups;    // Of several with one name the first counts.
  std::vector<BakeTarget> targets;  // Names are unique.
  std::vector<BakeVariable> variables;
};

struct BakeInputs {
  // What is given for a variable.
  std::function<std::optional<std::string>(const std::string&)> given;
  std::vector<std::pair<std::string, std::string>> constants;  // BAKE_LOCAL_PLATFORM, ...
  hcl::Computing computing;
};
// All expressions with their values. Errors: Invalid, with the place.
Result<BakeConfig> evaluate_bake(const hcl::Body& body, BakeInputs inputs);

}  // namespace tare::cli
