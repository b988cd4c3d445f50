// SPDX-License-Identifier: Apache-2.0
// Which targets of bake's files are built, with what they inherit and what is set otherwise.
#pragma once

#include <set>

#include "front/cli/bake_file.h"

namespace tare::cli {

// A context that is another target's image: "target:NAME".
inline constexpr std::string_view kTargetContext = "target:";

struct BakePlan {
  std::vector<BakeGroup> groups;
  // Those that others use come before them.
  std::vector<BakeTarget> targets;
  std::set<std::string> linked;  // Those that are built only for others.
};
// `changes`: "PATTERN.MEMBER[.KEY][+]=VALUE". Errors: Invalid, NotFound.
Result<BakePlan> plan_bake(const BakeConfig& config, const std::vector<std::string>& names,
                           const std::vector<std::string>& changes);

// As buildx prints it: it is a file for bake again.
json::Value printed_bake(const BakePlan& plan);
// --list: "targets" or "variables", or type=TYPE,format=table|json. Errors: Invalid.
Result<std::string> listed_bake(const BakeConfig& config, const std::string& what);

}  // namespace tare::cli
