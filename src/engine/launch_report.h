// SPDX-License-Identifier: Apache-2.0
// What a process that launches for the engine tells it, once, through a pipe: "ok\n", or where it
// failed and the parts of the error.
#pragma once

#include <string>

#include "isolate/isolate.h"

namespace tare::engine {

std::string print_failure(const isolate::LaunchError& failure);
// The failure again; Internal when `text` is none because its writer died.
isolate::LaunchError parse_failure(const std::string& text);

}  // namespace tare::engine
