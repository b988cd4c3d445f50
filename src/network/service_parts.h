// SPDX-License-Identifier: Apache-2.0
// What the network service leaves to others: the packet filter, and who forwards published ports.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "network/records.h"
#include "sys/fd.h"

namespace tare::network {

class ServiceParts {
 public:
  ServiceParts() = default;
  ServiceParts(const ServiceParts&) = delete;
  ServiceParts& operator=(const ServiceParts&) = delete;
  virtual ~ServiceParts() = default;

  // Does `work` where the bridges are, from where containers can be visited.
  virtual Result<> at_home(const Endpoint& endpoint, const std::function<Result<>()>& work) {
    (void)endpoint;
    return work();
  }
  // Whether it is to end with the last container: the next one will be somewhere else.
  virtual bool ends_at_once() const { return false; }
  // In the network namespace of a container that the calling thread visits: who asks 127.0.0.11 at
  // port 53 asks these ports. What a call before made is replaced.
  virtual Result<> redirect(std::uint16_t udp_port, std::uint16_t tcp_port) = 0;

  // The host's socket of a published port, made anew. An empty one where there is none.
  virtual Result<sys::Fd> open_port(const Endpoint& endpoint, const PublishedPort& port) = 0;
  // Keeps the socket, and serves what comes to it, until drop_port().
  virtual Result<> take_port(const Endpoint& endpoint, const PublishedPort& port,
                             sys::Fd socket) = 0;
  // The port is not published any more. Fine when it was never taken.
  virtual void drop_port(const Endpoint& endpoint, const PublishedPort& port) = 0;

  // A container has ended, and nobody has started it again yet: what rules there are for these
  // ports go. Its sockets were dropped before.
  virtual Result<> withdraw(const Endpoint& endpoint) = 0;
  // What was withdrawn of an endpoint has to be there after all.
  virtual Result<> publish(const Endpoint& endpoint) = 0;

  // Called first when rules were removed, where the bridges are; its own are to be made again.
  void heal_first(std::function<Result<>()> work) { heal_first_ = std::move(work); }

  // Nothing runs any more, and the service ends.
  virtual void on_end() {}

  // All that there is, whenever any of it has changed; borrowed for the call.
  virtual void on_records(const std::vector<Network>& networks,
                          const std::vector<Endpoint>& endpoints) = 0;

 protected:
  std::function<Result<>()> heal_first_;
};

}  // namespace tare::network
