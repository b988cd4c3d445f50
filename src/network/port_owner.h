// SPDX-License-Identifier: Apache-2.0
// Who has a port, for error messages. Private to this room.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "network/records.h"

namespace tare::network {

// The inodes of sockets that have this port, out of a table as /proc/net/tcp has it. Lines that are
// none are left out. [linux Documentation/networking/proc_net_tcp.rst]
std::vector<std::string> sockets_at(std::string_view table, const PublishedPort& port);

// ", by nginx (process 123)", as far as /proc of the current network namespace tells, or nothing.
std::string port_owner(const PublishedPort& port);

}  // namespace tare::network
