// SPDX-License-Identifier: Apache-2.0
// What connection tracking still believes of published ports. Private to this room.
#pragma once

#include <vector>

#include "network/firewall.h"

namespace tare::network {

// A client of UDP that goes on sending keeps its flow alive, and with it where that once led: to
// the host itself, or to a container that is gone. Such flows to these ports are forgotten, so that
// their next datagram asks the maps. TCP has its handshake for that. Errors: Unsupported, Denied.
Result<> forget_stale_flows(const std::vector<Mapping>& mappings);

}  // namespace tare::network
