// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "base/error.h"

namespace tare::sys {

// "TERM", "SIGTERM", "sigterm", "15", "RTMIN+3". [signal(7)] Errors: Invalid, with the nearest
// name.
Result<int> parse_signal(std::string_view text);

}  // namespace tare::sys
