// SPDX-License-Identifier: Apache-2.0
#include "network/forwarder.h"

#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <map>
#include <utility>

#include "network/forward_datagrams.h"
#include "network/forward_streams.h"

namespace tare::network {

struct Forwarder::State {
  ForwardShared shared;
  std::map<Port, std::unique_ptr<ForwardedStreams>> streams;
  std::map<Port, std::unique_ptr<ForwardedDatagrams>> datagrams;
  Port last_port = 0;
};

Forwarder::Forwarder(Loop& loop, MakeSocket make_socket, Limits limits)
    : state_(new State{
          .shared = {.loop = loop, .make_socket = std::move(make_socket), .limits = limits},
          .streams = {},
          .datagrams = {}}) {
  (void)std::signal(SIGPIPE, SIG_IGN);
  // The rest of the process has to have some, too.
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0)
    state_->shared.limits.descriptors =
        std::min<std::size_t>(state_->shared.limits.descriptors, files.rlim_cur / 2);
}

Forwarder::Forwarder(Forwarder&&) noexcept = default;
Forwarder& Forwarder::operator=(Forwarder&&) noexcept = default;
Forwarder::~Forwarder() = default;

Result<Forwarder::Port> Forwarder::add(sys::Fd socket, Protocol protocol, const Address& target,
                                       std::uint16_t target_port) {
  const SocketAddress address(target, target_port);
  if (protocol == Protocol::Tcp) {
    auto streams = std::make_unique<ForwardedStreams>(state_->shared, std::move(socket), address);
    TRY(streams->start(), "forward a port");
    state_->streams.emplace(++state_->last_port, std::move(streams));
  } else if (protocol == Protocol::Udp) {
    auto datagrams =
        std::make_unique<ForwardedDatagrams>(state_->shared, std::move(socket), address);
    TRY(datagrams->start(), "forward a port");
    state_->datagrams.emplace(++state_->last_port, std::move(datagrams));
  } else {
    return fail(Kind::Unsupported,
                "ports of protocol " + std::string(protocol_text(protocol)) + " are not forwarded");
  }
  return state_->last_port;
}

void Forwarder::remove(Port port) {
  state_->streams.erase(port);
  state_->datagrams.erase(port);
}

Forwarder::Stats Forwarder::stats() const {
  Stats stats;
  stats.ports = state_->streams.size() + state_->datagrams.size();
  for (const auto& [port, streams] : state_->streams) stats.connections += streams->connections();
  for (const auto& [port, datagrams] : state_->datagrams) stats.flows += datagrams->flows();
  stats.descriptors = state_->shared.descriptors;
  return stats;
}

}  // namespace tare::network
