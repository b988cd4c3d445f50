// SPDX-License-Identifier: Apache-2.0
// What stands behind IF and PARAM. [docs/formats/dockerfile.md, "Extensions"]
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "build/expansion.h"

namespace tare::build {

// "$A == x AND NOT $B OR $C IN y z": NOT binds closest, then AND, then OR; a value alone holds
// unless it is empty, "0" or "false". Errors: Invalid, without a place.
Result<bool> evaluate_condition(std::string_view text, const Lookup& lookup, char escape);

struct Parameter {
  std::string name;
  std::string type = "string";  // "string", "number", "bool" or choices: "a|b|c".
  std::optional<std::string> value;
};
// "NAME", "NAME=DEFAULT", "NAME:TYPE=DEFAULT". Errors: Invalid, without a place.
Result<Parameter> read_parameter(std::string_view text, const Lookup& lookup, char escape);
// Whether the value is of the type. Errors: Invalid, without a place.
Result<> check_parameter(const Parameter& parameter);

}  // namespace tare::build
