// SPDX-License-Identifier: Apache-2.0
// Where a recorder that asks from the machine's own network may not ask: it stands for a container,
// which reaches no loopback device, no neighbour on a link, and no network of other containers.
#pragma once

#include <sys/socket.h>

namespace tare::front_record {

// Loopback, link-local and multicast addresses, those of this machine's devices, and those in the
// subnets of its bridges.
bool is_of_this_machine(const sockaddr& address);

}  // namespace tare::front_record
