// SPDX-License-Identifier: Apache-2.0
// Published ports in user space, for what rules cannot do: connections that come over loopback, and
// from one family of addresses to the other. TCP goes through pipes inside the kernel (splice(2)).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "network/address.h"
#include "network/loop.h"
#include "network/records.h"
#include "sys/fd.h"

namespace tare::network {

struct ForwardLimits {
  std::size_t connections_per_port = 1024;  // More wait in the backlog until others end.
  std::size_t flows_per_port = 1024;        // Of UDP: the one that is silent longest goes.
  // In all: six a connection, one a flow and a port. Never more than half of RLIMIT_NOFILE.
  std::size_t descriptors = 16384;
  std::chrono::milliseconds udp_idle{60'000};
  std::chrono::milliseconds connect_patience{10'000};
};

// Not for several threads; everything happens in the loop's callbacks. SIGPIPE is ignored in this
// process from then on: splice(2) has no flag against it.
class Forwarder {
 public:
  // Makes a socket on the container's side, of AF_INET or AF_INET6 and SOCK_STREAM or SOCK_DGRAM,
  // close-on-exec and non-blocking: that may be in another network namespace, and bound to the
  // address of `client`, who asks.
  using MakeSocket = std::function<Result<sys::Fd>(int family, int type, const Address& client)>;
  using Limits = ForwardLimits;

  // The loop has to outlive it.
  Forwarder(Loop& loop, MakeSocket make_socket, Limits limits = {});
  Forwarder(Forwarder&&) noexcept;
  Forwarder& operator=(Forwarder&&) noexcept;
  ~Forwarder();

  using Port = std::uint64_t;  // Never 0.
  // Serves what comes to `socket`, of open_port_socket(), at `target`:`target_port`. Errors:
  // Unsupported (SCTP), epoll's.
  Result<Port> add(sys::Fd socket, Protocol protocol, const Address& target,
                   std::uint16_t target_port);
  // Closes its socket, its connections and flows. Fine when it is not there.
  void remove(Port port);

  struct Stats {
    std::size_t ports = 0;
    std::size_t connections = 0;
    std::size_t flows = 0;
    std::size_t descriptors = 0;
  };
  Stats stats() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tare::network
