// SPDX-License-Identifier: Apache-2.0
// The part of TOML that configurations of containers are written in: tables, lists of tables,
// strings, whole numbers, booleans, lists. Dates, fractions and texts of several lines are refused
// by name. [TOML 1.0.0]
#pragma once

#include <string_view>

#include "codec/json.h"

namespace tare::toml {

// Tables as objects. Errors: Invalid, with the line.
Result<json::Value> parse(std::string_view text);

}  // namespace tare::toml
