// SPDX-License-Identifier: Apache-2.0
#include "network/attach.h"

#include <fcntl.h>

#include <cstdlib>

#include "base/text.h"
#include "sys/files.h"

namespace tare::network {
namespace {

const std::string kAlias = "tare network ";

// What a container's neighbours say must not change how it sends. [rule R25]
Result<> distrust_neighbours(const std::string& interface) {
  auto set = set_sysctl("ipv6/conf/" + interface + "/accept_ra", "0");
  if (!set && set.error().kind() != Kind::NotFound) return set;  // Without IPv6 there is none.
  return {};
}

// A router without a link-local address asks for no neighbour, and the kernel's own is looked for
// twice for a second or two first: published ports would have no IPv6 so long.
// [linux net/ipv6/ndisc.c, ndisc_send_ns()]
Result<> give_addresses(Links& links, const Link& link, const Network& network) {
  for (const Pool& pool : network.pools)
    TRY(links.add_address(link, {.address = pool.gateway, .prefix = pool.subnet.prefix}));
  if (network.pool(true) == nullptr) return {};
  constexpr int kPrefix = 64;
  Address router{.is_v6 = true};
  router.bytes[0] = 0xfe;
  router.bytes[1] = 0x80;
  router.bytes[15] = 1;
  return links.add_address(link, {.address = router, .prefix = kPrefix});
}

// A device gets its alias only when it is there. Until then it is known by its MAC, which it has
// from the start.
Mac bridge_mac(const Network& network) {
  Mac mac{};
  for (std::size_t i = 0; i < mac.size() && 2 * i < network.id.size(); ++i)
    mac[i] =
        static_cast<std::uint8_t>(std::strtoul(network.id.substr(2 * i, 2).c_str(), nullptr, 16));
  mac[0] = 0x02;  // Of one's own choice, and no group's.
  return mac;
}

bool is_bridge_of(const Network& network, const Link& link) {
  if (link.kind != "bridge") return false;
  if (!link.alias.empty()) return link.alias == bridge_alias(network);
  const Mac mac = bridge_mac(network);
  return link.mac == std::string_view(reinterpret_cast<const char*>(mac.data()), mac.size());
}

// A device that is there is used as it is, but with all that it needs: whoever made it may have
// been killed over it, or is not done.
Result<Link> complete_bridge(Links& links, const Network& network, const Link& link) {
  if (!is_bridge_of(network, link))
    return std::unexpected(
        Error(Kind::Exists, "a device " + quoted(network.device) +
                                " is there that is not network " + quoted(network.name) + "'s")
            .hint("remove or rename it (ip link), or make the network anew with another "
                  "com.docker.network.bridge.name"));
  if (link.is_up) return link;
  if (link.alias.empty()) TRY(links.set_alias(link, bridge_alias(network)));
  TRY(distrust_neighbours(link.name));
  TRY(give_addresses(links, link, network));
  TRY(links.set_up(link));
  return link;
}

Result<> add_routes(Links& links, const Link& link, const Network& network,
                    const Endpoint& endpoint) {
  for (const Pool& pool : network.pools)
    if (pool.subnet.base.is_v6 ? endpoint.v6.has_value() : endpoint.v4.has_value())
      TRY(links.add_default_route(link, pool.gateway));
  return {};
}

// The pair of the container's last start goes only some time after its namespace.
Result<> make_pair(Links& links, const Link& device, const Network& network,
                   const Endpoint& endpoint, const ContainerInterface& interface) {
  const std::string& name = endpoint.host_interface;
  auto made = links.make_pair(name, device, network.isolated, interface);
  if (made || made.error().kind() != Kind::Exists) return made;
  TRY(links.remove(name));
  return links.make_pair(name, device, network.isolated, interface);
}

Result<> configure(const Network& network, const Endpoint& endpoint) {
  Links links = TRY(Links::open());
  const auto link = TRY(links.find(endpoint.interface));
  if (!link) return fail(Kind::Internal, "the interface " + endpoint.interface + " is not there");
  TRY(distrust_neighbours(endpoint.interface));
  const auto give = [&](const std::optional<Address>& address) -> Result<> {
    if (!address) return {};
    const Pool* const pool = network.pool(address->is_v6);
    if (pool == nullptr) return fail(Kind::Internal, "an address without a subnet");
    return links.add_address(*link, {.address = *address, .prefix = pool->subnet.prefix});
  };
  TRY(give(endpoint.v4));
  TRY(give(endpoint.v6));
  TRY(links.set_up(*link));
  if (!endpoint.is_gateway || network.internal) return {};
  return add_routes(links, *link, network, endpoint);
}

}  // namespace

std::string bridge_alias(const Network& network) { return kAlias + network.id; }

bool is_bridge_of_ours(const Link& link) {
  return link.kind == "bridge" && link.alias.starts_with(kAlias);
}

Result<Link> ensure_device(Links& links, const Network& network) {
  auto link = TRY(links.find(network.device));
  if (network.driver == Driver::Macvlan) {
    if (link) return *link;
    return std::unexpected(Error(Kind::NotFound, "the device " + quoted(network.device) +
                                                     " that network " + quoted(network.name) +
                                                     " is on is not there")
                               .hint("ip link shows those that are"));
  }
  if (link) return complete_bridge(links, network, *link);
  auto made = links.make_bridge(network.device, bridge_mac(network), network.mtu);
  if (made) return complete_bridge(links, network, *made);
  // Another start was faster.
  if (made.error().kind() != Kind::Exists) return made;
  link = TRY(links.find(network.device));
  if (!link) return made;
  return complete_bridge(links, network, *link);
}

Result<> attach_again(Links& links, const Link& device, const Network& network,
                      const Endpoint& endpoint) {
  if (endpoint.host_interface.empty()) return {};
  const auto link = TRY(links.find(endpoint.host_interface));
  if (!link || link->master != 0) return {};
  return links.add_port(device, *link, network.isolated);
}

Result<> remove_device(Links& links, const Network& network) {
  if (network.driver == Driver::Macvlan) return {};
  const auto link = TRY(links.find(network.device));
  if (!link || !is_bridge_of(network, *link)) return {};
  return links.remove(network.device);
}

Result<> make_interface(Links& links, const Link& device, const Network& network,
                        const Endpoint& endpoint, int inside) {
  const auto mac = TRY(parse_mac(endpoint.mac));
  const ContainerInterface interface{
      .name = endpoint.interface, .mac = mac, .mtu = network.mtu, .network = inside};
  if (network.driver == Driver::Macvlan)
    TRY(links.make_macvlan(device, network.mode, interface));
  else
    TRY(make_pair(links, device, network, endpoint, interface));
  const Visit visit = TRY(Visit::begin(inside));
  return configure(network, endpoint);
}

Result<> remove_interface(Links& links, const Endpoint& endpoint, int inside) {
  if (!endpoint.host_interface.empty()) return links.remove(endpoint.host_interface);
  const Visit visit = TRY(Visit::begin(inside));
  Links its = TRY(Links::open());
  return its.remove(endpoint.interface);
}

Result<> set_loopback_up() {
  constexpr int kLoopback = 1;  // Of every network namespace. [linux include/net/net_namespace.h]
  Links links = TRY(Links::open());
  return links.set_up({.index = kLoopback, .name = "lo"});
}

Result<> route_by(const Network& network, const Endpoint& endpoint, int inside) {
  const Visit visit = TRY(Visit::begin(inside));
  Links links = TRY(Links::open());
  const auto link = TRY(links.find(endpoint.interface));
  if (!link) return fail(Kind::NotFound, "the interface " + endpoint.interface + " is not there");
  TRY(links.remove_default_routes());
  return add_routes(links, *link, network, endpoint);
}

}  // namespace tare::network
