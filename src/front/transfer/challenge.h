// SPDX-License-Identifier: Apache-2.0
// What a registry says that it wants to see: WWW-Authenticate. [RFC 9110 11.6.1; distribution's
// "Token Authentication Specification"]
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace tare::front_transfer {

struct Challenge {
  std::string scheme;                             // In lower case: "bearer", "basic".
  std::map<std::string, std::string> parameters;  // Names in lower case.
};

// All challenges of one header line. Errors: Invalid; at most 16 challenges of 16 parameters.
Result<std::vector<Challenge>> parse_challenges(std::string_view header);

}  // namespace tare::front_transfer
