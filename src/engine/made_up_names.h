// SPDX-License-Identifier: Apache-2.0
// Names for containers that were given none, and what a name may look like.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace tare::engine {

// Two words, "calm_otter". `attempt` above 0 adds a number, for when the words are taken.
std::string made_up_name(int attempt);
// 64 random hexadecimal digits, of which the first 12 are not all decimal (so that a short id is
// never a number).
Result<std::string> random_id();
// [a-zA-Z0-9][a-zA-Z0-9_.-]*, at most 128 bytes. Errors: Invalid. [Docker: RestrictedNamePattern]
Result<> check_name(std::string_view name);

}  // namespace tare::engine
