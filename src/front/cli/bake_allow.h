// SPDX-License-Identifier: Apache-2.0
// What a file of bake needs its user has to allow: it does not grant itself anything.
#pragma once

#include "front/cli/bake_targets.h"
#include "front/cli/options.h"

namespace tare::cli {

// By --allow: network.host, security.insecure, ssh (the agent), and places outside of this
// directory that are read or written, fs.read=PATH, fs.write=PATH, fs=PATH ('*' is all of them).
// What --set names may be used. Errors: Denied. [docker buildx bake, "--allow"]
Result<> check_allowed(const BakePlan& plan, const Arguments& arguments);

}  // namespace tare::cli
