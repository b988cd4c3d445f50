// SPDX-License-Identifier: Apache-2.0
// Network devices of one network namespace, by rtnetlink. [rtnetlink(7); linux
// Documentation/networking/bridge.rst, include/uapi/linux/if_link.h]
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "network/address.h"
#include "sys/netlink.h"

namespace tare::network {

struct Link {
  int index = 0;
  std::string name;
  std::string kind;   // "bridge", "veth", ...; "" of hardware.
  std::string mac;    // Its bytes.
  std::string alias;  // What whoever made it says of it.
  int master = 0;     // Index of the bridge that it is a port of; 0: none.
  bool is_up = false;
  std::uint32_t mtu = 0;
};

struct InterfaceAddress {
  Address address;
  int prefix = 0;
  bool operator==(const InterfaceAddress&) const = default;
};

// A container's end of a pair, or its macvlan.
struct ContainerInterface {
  std::string name;  // "eth0"
  Mac mac{};
  std::uint32_t mtu = 0;  // 0: what the kernel takes.
  int network = -1;       // The container's network namespace.
};

class Links {
 public:
  // Of the network namespace that the calling thread is in, for good.
  static Result<Links> open();

  // By name or alternative name; nothing when there is none.
  Result<std::optional<Link>> find(const std::string& name);
  Result<std::vector<Link>> list();
  // Makes a bridge with this MAC, not yet up, with no addresses or alias. Errors: Exists.
  Result<Link> make_bridge(const std::string& name, const Mac& mac, std::uint32_t mtu);
  Result<> set_alias(const Link& link, const std::string& alias);
  // A pair: `host_name` is a port of the bridge and up, the other is in the container, down.
  // `isolated` ports do not reach each other. Errors: Exists.
  Result<> make_pair(const std::string& host_name, const Link& bridge, bool isolated,
                     const ContainerInterface& inside);
  // A device that is there becomes a port, as of such a pair.
  Result<> add_port(const Link& bridge, const Link& link, bool isolated);
  // Above the device `parent`. `mode`: "bridge", "private", "vepa", "passthru".
  Result<> make_macvlan(const Link& parent, const std::string& mode,
                        const ContainerInterface& inside);
  // One that is not there is removed already.
  Result<> remove(const std::string& name);

  Result<> set_up(const Link& link);
  // One that is there already is fine. No duplicate address detection: who has an address is in our
  // records.
  Result<> add_address(const Link& link, const InterfaceAddress& address);
  Result<> add_default_route(const Link& link, const Address& gateway);
  // The default routes of both families go.
  Result<> remove_default_routes();

  // What is taken here: subnets of addresses and of routes, without default routes.
  Result<std::vector<Subnet>> subnets();

 private:
  Result<> set_port_options(const std::string& host_name, bool isolated);
  explicit Links(sys::netlink::Socket socket) : socket_(std::move(socket)) {}

  sys::netlink::Socket socket_;
};

// The calling thread in another network namespace, and back at the end. Errors: Denied.
// PRIVILEGED (over both namespaces).
class Visit {
 public:
  static Result<Visit> begin(int network);
  Visit(Visit&&) noexcept = default;
  Visit& operator=(Visit&&) = delete;
  // In the wrong network nothing that we do from here on would be right: fails hard.
  ~Visit();

 private:
  explicit Visit(sys::Fd home) : home_(std::move(home)) {}
  sys::Fd home_;
};

// Writes a file of /proc/sys/net of the calling thread's network namespace. Errors: NotFound,
// Denied.
Result<> set_sysctl(const std::string& path, std::string_view value);
Result<std::string> get_sysctl(const std::string& path);

}  // namespace tare::network
