// SPDX-License-Identifier: Apache-2.0
// --health and what belongs to it, by the rules that Docker has for it.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "engine/engine.h"
#include "front/cli/options.h"

namespace tare::cli {

// All of them. Errors: Invalid, Unsupported.
Result<engine::HealthCheck> health_request(const Arguments& arguments);
// "30s", "1m30s". Errors: Invalid.
Result<std::chrono::nanoseconds> duration_of(std::string_view option, const std::string& text);

}  // namespace tare::cli
