// SPDX-License-Identifier: Apache-2.0
// The program nft, for what is done once on a host. Private to this room.
#pragma once

#include <string>

#include "base/error.h"

namespace tare::network {

// Executes `nft -f -` in the current network namespace; all of the script or nothing. Errors:
// Unsupported (no such program, or it does not understand), with what it says.
Result<> run_nft(const std::string& script);

}  // namespace tare::network
