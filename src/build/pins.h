// SPDX-License-Identifier: Apache-2.0
// What a lock means to what a build fetches itself.
#pragma once

#include "build/builder.h"

namespace tare::build {

// Makes `wanted` ask for what the lock of `request` has of it, if that counts: its bytes, its
// commit. Errors: Denied (--locked, and the lock does not have it, or `wanted` says itself that it
// is something else).
Result<> pin(const BuildRequest& request, FetchRequest& wanted);

}  // namespace tare::build
