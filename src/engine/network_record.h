// SPDX-License-Identifier: Apache-2.0
// A container's network settings in its record. Private to this room.
#pragma once

#include "codec/json.h"
#include "engine/networking.h"

namespace tare::engine {

json::Value print_network_settings(const NetworkSettings& settings);
// What cannot be read is left out: an address that is none, a port without a number.
NetworkSettings parse_network_settings(const json::Value& in);

}  // namespace tare::engine
