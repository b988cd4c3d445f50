// SPDX-License-Identifier: Apache-2.0
// What the fronts ask of networks. Included by engine/engine.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "network/egress.h"
#include "network/egress_ledger.h"
#include "network/records.h"

namespace tare::engine {

// A container's place on one network.
struct NetworkRequest {
  std::string network;               // Name, id or prefix of one.
  std::vector<std::string> aliases;  // --network-alias, alias=
  std::optional<network::Address> v4;
  std::optional<network::Address> v6;
  std::string mac;           // "": made from the address.
  int gateway_priority = 0;  // The highest has the default route. [docker run, gw-priority]
  bool operator==(const NetworkRequest&) const = default;
};

// -p. A range of the host has the size of that of the container, or is where one port is chosen
// from.
struct PortRequest {
  // None: loopback, of both families. 0.0.0.0 and ::, each for its family; `-p any:...` is both.
  std::vector<network::Address> hosts;
  std::uint16_t host_first = 0;  // 0: any free one.
  std::uint16_t host_last = 0;
  std::uint16_t container_port = 0;
  network::Protocol protocol = network::Protocol::Tcp;
  bool operator==(const PortRequest&) const = default;
};

inline constexpr std::chrono::seconds kWithTimeout(60);

// What a container's program may reach. [docs/formats/networks.md]
struct NetworkSettings {
  std::vector<NetworkRequest> networks;  // Empty with none, host and container:.
  std::vector<PortRequest> ports;
  std::vector<std::string> exposed;  // "80/tcp", the image's among them.
  bool publish_all = false;          // -P
  std::vector<std::string> dns;
  std::vector<std::string> dns_search;
  std::vector<std::string> dns_options;
  std::vector<std::string> extra_hosts;  // "NAME:ADDRESS", "NAME:host-gateway".
  std::vector<std::string> links;        // "NAME:ALIAS"
  std::vector<std::string> with;         // The same; a start waits for these services.
  std::chrono::nanoseconds with_timeout = kWithTimeout;  // 0: it does not wait.
  std::vector<std::string> egress;  // --egress, as network::Egress has it; empty: all.
  bool operator==(const NetworkSettings&) const = default;
};

struct CreateNetworkRequest {
  std::string name;
  std::string driver = "bridge";  // "macvlan"
  struct Pool {
    std::string subnet;  // "": one that is free.
    std::string range;
    std::string gateway;
    std::map<std::string, std::string> taken;
  };
  std::vector<Pool> pools;
  bool v4 = true;
  bool v6 = true;
  bool internal = false;
  std::map<std::string, std::string> options;
  std::map<std::string, std::string> labels;
};

struct NetworkInfo {
  network::Network network;
  std::vector<network::Endpoint> endpoints;  // Of containers that run.
  std::vector<std::string> containers;       // Ids of all that are on it, running or not.
};

// A published port of a running container, and who can reach it.
struct PortInfo {
  std::string container;  // Id.
  std::string name;
  network::PublishedPort port;
};

}  // namespace tare::engine
