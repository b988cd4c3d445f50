// SPDX-License-Identifier: Apache-2.0
// The keeper's program: see protocol.h for what it promises.
#pragma once

#include "keeper/container.h"

namespace tare::keeper {

// Reads KEY=VALUE arguments. nullptr, or the argument that is wrong or the name of a missing one.
const char* parse_options(int argc, char** argv, Options& options);

// Keeps the container until it has ended and everything is told and tidied up. Returns the keeper's
// exit status.
int keep(const Options& options, char** environment);

}  // namespace tare::keeper
