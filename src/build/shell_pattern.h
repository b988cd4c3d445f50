// SPDX-License-Identifier: Apache-2.0
// The patterns of ${x#p}, ${x%p} and ${x/p/r}: '*' is any text, '?' any character, '\' takes the
// meaning from '*', '?' and itself. Neither matches a line feed.
// [BuildKit frontend 1.20, reference.md "Environment replacement"]
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace tare::build {

enum class Match : std::uint8_t { Shortest, Longest };

// All fail with Invalid for a '\' before anything else, and for what would take too long.
Result<std::string> without_prefix(std::string_view value, std::string_view pattern, Match match);
Result<std::string> without_suffix(std::string_view value, std::string_view pattern, Match match);
// The longest match at the first place that has one, or at all places, left to right.
Result<std::string> with_replaced(std::string_view value, std::string_view pattern,
                                  std::string_view replacement, bool all);

}  // namespace tare::build
