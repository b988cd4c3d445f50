// SPDX-License-Identifier: Apache-2.0
// What is known of networks and of who is on them, as it lies in the store: the engine writes it,
// the network service reads it and starts again from it. [docs/formats/networks.md]
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "network/address.h"

namespace tare::network {

// Addresses of one family in a network.
struct Pool {
  Subnet subnet;
  std::optional<Subnet> range;           // Where addresses are given from; none: the whole subnet.
  Address gateway;                       // The host's end. Not used by an internal macvlan network.
  std::map<std::string, Address> taken;  // --aux-address: names and addresses of others.
  bool is_asked = false;                 // The user named the subnet.
  bool operator==(const Pool&) const = default;
};

enum class Driver : std::uint8_t { Bridge, Macvlan };

struct Network {
  std::string id;  // 64 hexadecimal digits.
  std::string name;
  Driver driver = Driver::Bridge;
  UnixNanos created = 0;
  std::vector<Pool> pools;  // At most one of a family.
  bool internal = false;    // No way out, no published ports.
  bool isolated = false;    // Containers on it do not reach each other.
  std::string device;       // The bridge; of macvlan the parent.
  std::string mode;         // Of macvlan: "bridge", "private", "vepa", "passthru".
  std::uint32_t mtu = 0;    // 0: what the kernel takes.
  std::map<std::string, std::string> options;  // Of the driver, as they were given.
  std::map<std::string, std::string> labels;

  // "bridge": no names are answered on it but what --link names, as with Docker.
  bool is_default() const { return name == kDefault; }
  static constexpr const char* kDefault = "bridge";
  const Pool* pool(bool is_v6) const;
  bool operator==(const Network&) const = default;
};

enum class Protocol : std::uint8_t { Tcp, Udp, Sctp };
std::string_view protocol_text(Protocol protocol);  // "tcp"
Result<Protocol> parse_protocol(std::string_view text);

// One port of the host that leads to one of a container. Ranges are taken apart before.
struct PublishedPort {
  Address host;  // 0.0.0.0 and :: mean all of their family.
  std::uint16_t host_port = 0;
  Protocol protocol = Protocol::Tcp;
  std::uint16_t container_port = 0;
  auto operator<=>(const PublishedPort&) const = default;
};

// A container that another one is told of, by --with or --link. [docs/formats/services.md]
struct ServiceLink {
  std::string container;           // Id.
  std::string name;                // When the other one started.
  std::string alias;               // What the other one calls it.
  std::vector<std::string> ports;  // "5432/tcp", the one that `url` leads to first.
  std::string url;                 // "": it has no ports.
  bool has_health_check = false;
  bool operator==(const ServiceLink&) const = default;
};

// A running container on a network. Its file is there as long as its addresses are its own.
struct Endpoint {
  std::string network;               // Id.
  std::string container;             // Id.
  std::string name;                  // Of the container.
  std::vector<std::string> aliases;  // Beside its name and its short id.
  // Names that only this container asks for, and what they stand for: of --link, containers' ids.
  std::map<std::string, std::string> links;
  std::optional<Address> v4;
  std::optional<Address> v6;
  std::string mac;
  std::string interface;             // In the container: "eth0".
  std::string host_interface;        // Its other end.
  int pid = 0;                       // Of process 1 in the service's pid namespace; 0: not yet.
  std::string pid_start;             // Its start time, field 22 of /proc/PID/stat.
  std::vector<PublishedPort> ports;  // Only of the endpoint that ports lead to.
  // --dns, --dns-search, --dns-opt; of the container, in each of its endpoints.
  std::vector<std::string> dns;
  // --egress, of the container in each of its endpoints; empty: all is let through. [egress.h]
  std::vector<std::string> egress;
  bool is_gateway = false;            // Its default route.
  std::vector<ServiceLink> services;  // Of the container, in each of its endpoints.
  bool operator==(const Endpoint&) const = default;
};

// The host's end of a container's interface on a bridge.
std::string host_interface_of(const std::string& container, const std::string& network);

std::string print_network(const Network& network);
std::string print_endpoint(const Endpoint& endpoint);
// Errors: Invalid, with what is wrong.
Result<Network> parse_network(std::string_view text);
Result<Endpoint> parse_endpoint(std::string_view text);

// Relative to the store's root.
std::string networks_path();                                  // "networks"
std::string network_path(const std::string& network);         // ".../ID"
std::string network_record_path(const std::string& network);  // ".../ID/network.json"
std::string endpoints_path(const std::string& network);       // ".../ID/endpoints"
std::string endpoint_path(const std::string& network, const std::string& container);

// All of them, below the open store. What cannot be read is left out, and told of in `problems`.
Result<std::vector<Network>> load_networks(int store, std::vector<Error>* problems = nullptr);
Result<std::vector<Endpoint>> load_endpoints(int store, const std::string& network,
                                             std::vector<Error>* problems = nullptr);

}  // namespace tare::network
