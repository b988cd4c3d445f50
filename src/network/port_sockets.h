// SPDX-License-Identifier: Apache-2.0
// The host's sockets of published ports. Each published port has one, whoever serves it: it makes a
// port that is taken an error of the start, and keeps the port from others while we have it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "network/firewall.h"
#include "network/records.h"
#include "sys/fd.h"

namespace tare::network {

// Whether the forwarder reads this port's socket: loopback addresses; all addresses, for what comes
// over loopback; and addresses of a family that the container has none of. All else the rules of
// the firewall serve before a socket sees it.
bool is_forwarded(const PublishedPort& port, const Publication& publication);
// Where it leads then: the container's address of the same family, or else the other.
std::optional<Address> forward_target(const PublishedPort& port, const Publication& publication);

// In the current network namespace (the host's). A stream socket listens when it `is_forwarded`
// and else is only bound, which keeps the port as well; datagram sockets are bound. Connections of
// before that are in TIME_WAIT do not matter. Not blocking. An empty one when the kernel has no
// such protocol (SCTP). Errors: Exists (taken, by whom if /proc tells), NotFound (not an address of
// this host), Denied.
Result<sys::Fd> open_port_socket(const PublishedPort& port, bool is_forwarded);

// A port that is free at all these addresses for `protocol`, of net.ipv4.ip_local_port_range.
// Somebody may be faster: open_port_socket() then says so, and one asks again. Errors: Unavailable
// (none is free), NotFound and Denied as of open_port_socket().
Result<std::uint16_t> pick_port(const std::vector<Address>& hosts, Protocol protocol);

}  // namespace tare::network
