// SPDX-License-Identifier: Apache-2.0
// What the network service knows of containers: their records, their processes, what was handed
// over for them; and what is done when they end.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "network/dns_names.h"
#include "network/dns_server.h"
#include "network/loop.h"
#include "network/records.h"
#include "network/service_egress.h"
#include "network/service_message.h"
#include "network/service_parts.h"
#include "network/services_file.h"

namespace tare::network {

// Not movable: the loop's callbacks lead to it.
class ServiceContainers {
 public:
  // `store`: its path. `on_change` is called, from the loop, when running() may have changed.
  ServiceContainers(Loop& loop, ServiceParts& parts, std::string store,
                    std::function<void()> on_change);
  ServiceContainers(const ServiceContainers&) = delete;
  ServiceContainers& operator=(const ServiceContainers&) = delete;
  ~ServiceContainers();

  // Reads all records again.
  Result<> load();
  // Takes what comes with a message of type Endpoint, whose record it reads.
  Result<> take(const ServiceMessage& message, std::vector<sys::Fd> descriptors);
  // Makes anew what is missing of containers that run: the resolver's sockets, by visiting their
  // network namespaces, and the host's of published ports.
  void restore();
  // Only the former.
  void restore_resolvers();
  // How many containers run.
  std::size_t running() const;

 private:
  using PortKey = std::pair<std::string, PublishedPort>;  // Of a network.
  struct Container {
    int pid = 0;            // 0: not known yet.
    std::string pid_start;  // As in the records.
    sys::Fd pidfd;
    std::map<std::string, Endpoint> endpoints;  // By network.
    std::set<PortKey> ports;                    // That we have a socket of.
  };
  using Containers = std::unordered_map<std::string, Container>;  // By id.

  Result<sys::Fd> open_store() const;
  Result<> load_one(int store, const std::string& network, const std::string& container);
  void remove_others(const std::vector<Endpoint>& endpoints);
  void put(const Endpoint& endpoint);
  void remove(Container& container, const std::string& network);
  void watch(const std::string& id, Container& container, const Endpoint& endpoint);
  void forget_process(const std::string& id, Container& container);
  void on_end(const std::string& id, const std::string& pid_start);
  void release(const Endpoint& endpoint) const;
  void forget_networks();
  void tell_records();
  void tell_records_soon();
  Result<> tell_services(const std::vector<Endpoint>& endpoints);
  void restore_next();
  void restore_ports(Container& container);
  Result<> restore_resolver(const std::string& id, const Container& container);

  Loop& loop_;
  ServiceParts& parts_;
  std::string store_;
  std::function<void()> on_change_;
  std::map<std::string, Network> networks_;
  Containers containers_;
  dns::Names names_;
  ServiceFiles files_;
  dns::HostServers host_;
  ServiceEgress egress_;
  dns::NameServer server_;
  Loop::Timer telling_ = 0;
  Loop::Timer restoring_ = 0;
  int restores_left_ = 0;
  std::vector<std::string> missing_;  // Whose resolver is still to be made anew.
  Loop::Timer visiting_ = 0;
};

}  // namespace tare::network
