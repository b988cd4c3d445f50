// SPDX-License-Identifier: Apache-2.0
// The engine's side of the network service (the program tare-net, one process a store): starting it
// and handing over what a container's start has made. [docs/formats/networks.md, "The service"]
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sys/fd.h"

namespace tare::network {

// What a start has made for one endpoint, whose file is written already.
struct Handover {
  std::string network;    // Id.
  std::string container;  // Id.
  sys::Fd dns_udp;        // As open_resolver() makes them; both or none.
  sys::Fd dns_tcp;
  std::vector<sys::Fd>
      ports;  // Of the first of Endpoint::ports, in order; an empty one: no socket.
};

// `store`: its open directory; `program`: the path of tare-net, which is started when none runs.
// Returns when it is queued: nothing waits for the service. Errors: Unavailable (it does not take
// it), what starting it says.
Result<> hand_over(int store, const std::string& program, Handover handover);

// Records have changed (a container was connected, disconnected or renamed): they are read again.
// Nothing happens when no service runs.
Result<> tell_changed(int store);

// What is known of a container that is on this network has changed: its record is read again. As
// tell_changed() otherwise.
Result<> tell_endpoint(int store, const std::string& network, const std::string& container);

// The service, started when none runs: it does not end as long as this connection is open. For who
// will be elsewhere (see network/home.h) when he hands over. Errors: as hand_over().
Result<sys::Fd> hold_service(int store, const std::string& program);

// Waits, three seconds at most, until the service of containers that have all ended has ended, too:
// for who makes another home network (network/home.h), which that one would not find.
void await_end_of_service(int store);

// Starts the service again when it should run and does not: both of its processes were killed.
Result<> wake_service(int store, const std::string& program);

struct ResolverSockets {
  sys::Fd udp;
  sys::Fd tcp;  // Listens.
  std::uint16_t udp_port = 0;
  std::uint16_t tcp_port = 0;
};
// In the network namespace of the calling thread, which is to be the container's with its loopback
// device up: sockets of 127.0.0.11 at ports that the kernel chooses, not blocking.
Result<ResolverSockets> open_resolver();

// Relative to the store's root.
std::string service_socket_path();  // "networks/service"
std::string service_lock_path();    // "networks/service.lock"
std::string service_log_path();     // "networks/service.log"

}  // namespace tare::network
