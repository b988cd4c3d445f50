// SPDX-License-Identifier: Apache-2.0
// build --call: what can be said of a Dockerfile without building it.
#pragma once

#include <optional>
#include <string>

#include "build/checks.h"
#include "build/outline.h"
#include "front/cli/context.h"
#include "front/cli/options.h"

namespace tare::cli {

// [docker buildx build reference, "--call"]
struct BuildCall {
  enum class Method : std::uint8_t { Check, Outline, Targets } method = Method::Check;
  bool is_json = false;
  bool ignores_status = false;  // Findings are no failure.
};
// Of --call and --check; nothing for a build. Errors: Invalid.
Result<std::optional<BuildCall>> build_call(const Arguments& arguments);

// Each prints, and gives the exit status. Errors: what is wrong with the Dockerfile.
Result<int> print_report(Context& context, const BuildCall& call, const build::CheckReport& report);
Result<int> print_outline(Context& context, const BuildCall& call, const build::Outline& outline,
                          const std::string& text);
Result<int> print_targets(Context& context, const BuildCall& call, const build::Dockerfile& file);

}  // namespace tare::cli
