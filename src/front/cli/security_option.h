// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/error.h"

namespace tare::cli {

// A value of --security-opt as the engine takes it, with what is in a file that it names; "": the
// default. Errors: Invalid; Unsupported; those of the file.
Result<std::string> security_option(std::string text);

}  // namespace tare::cli
