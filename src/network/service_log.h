// SPDX-License-Identifier: Apache-2.0
// The log of the network service: its standard error, a file of the store.
#pragma once

#include <string_view>

#include "base/error.h"

namespace tare::network {

// A line with the time. What nobody was there to be told.
void log(const Error& error);
void log(std::string_view text);
// Empties the file when it has become long.
void shorten_log();

}  // namespace tare::network
