// SPDX-License-Identifier: Apache-2.0
// Hooks that run outside of the container. [runtime-spec 1.2 config.md, "POSIX-platform Hooks"]
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "oci/runtime_config.h"

namespace tare::front_oci {

// Runs them one after the other, `state` (JSON) on their standard input, in the bundle's directory.
// The first failure ends it: a hook that cannot be run, ends with another status than 0, or takes
// longer than its timeout and is killed. `kind` ("prestart") is for the message.
Result<> run_hooks(const std::vector<oci::Hook>& hooks, const char* kind, const std::string& state,
                   const std::string& bundle);
// All of them; a failure is a warning only. [runtime.md, "Lifecycle", poststart and poststop]
void try_hooks(const std::vector<oci::Hook>& hooks, const char* kind, const std::string& state,
               const std::string& bundle);

}  // namespace tare::front_oci
