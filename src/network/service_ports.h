// SPDX-License-Identifier: Apache-2.0
// Published ports and rules, as the network service keeps them: sockets that hold ports, the
// forwarder of what rules cannot do, and the rules again when somebody flushed them.
#pragma once

#include <map>
#include <optional>
#include <tuple>
#include <vector>

#include "network/firewall.h"
#include "network/forwarder.h"
#include "network/forwarding.h"
#include "network/home.h"
#include "network/loop.h"
#include "network/service_parts.h"
#include "network/uplink.h"

namespace tare::network {

// Not movable: the loop's callbacks lead to it.
class ServicePorts : public ServiceParts {
 public:
  explicit ServicePorts(Loop& loop);
  ~ServicePorts() override;

  // Watches the rules from now on. Errors: as Firewall::open().
  Result<> start();

  bool ends_at_once() const override { return home_.is_elsewhere(); }
  Result<> at_home(const Endpoint& endpoint, const std::function<Result<>()>& work) override;
  Result<> redirect(std::uint16_t udp_port, std::uint16_t tcp_port) override;
  Result<sys::Fd> open_port(const Endpoint& endpoint, const PublishedPort& port) override;
  Result<> take_port(const Endpoint& endpoint, const PublishedPort& port, sys::Fd socket) override;
  void drop_port(const Endpoint& endpoint, const PublishedPort& port) override;
  Result<> withdraw(const Endpoint& endpoint) override;
  Result<> publish(const Endpoint& endpoint) override;
  void on_records(const std::vector<Network>& networks,
                  const std::vector<Endpoint>& endpoints) override;
  void on_end() override;

 private:
  using Key = std::tuple<std::string, std::string, PublishedPort>;  // Network, container.
  void unwatch();
  Result<sys::Fd> connect_socket(int family, int type, const Address& client);
  bool can_speak_as(const Address& client, int family) const;
  void learn_home(const Endpoint& endpoint);
  bool is_forwarded_here(const Endpoint& endpoint, const PublishedPort& port) const;
  void on_rules();
  void on_forwarding();
  Result<> heal();
  Result<> forward(const std::vector<Network>& networks);
  Result<> sweep();
  Result<Firewall*> firewall();
  void forget_flows_soon(const Endpoint& endpoint, const PublishedPort& port);
  void forget_flows();

  Loop& loop_;
  HomeThread home_;
  Uplink uplink_;
  Forwarder forwarder_;
  bool has_sources_ = false;  // See accept_sources().
  std::optional<FirewallWatch> watch_;
  std::optional<ForwardingWatch> forwarding_watch_;
  std::optional<Firewall> firewall_;  // Kept: the end of one that removed something waits 10 ms.
  std::map<std::string, Publication>
      fresh_;  // By container: ports whose flows are looked for soon.
  Loop::Timer flows_timer_ = 0;
  bool is_swept_ = false;
  std::map<Key, sys::Fd> held_;  // Only bound: rules serve them.
  std::map<Key, Forwarder::Port> forwarded_;
  std::vector<NetworkRules> rules_;
  std::vector<Endpoint> endpoints_;
};

}  // namespace tare::network
