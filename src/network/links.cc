// SPDX-License-Identifier: Apache-2.0
#include "network/links.h"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sched.h>

#include <array>
#include <cerrno>
#include <cstdlib>

#include "base/text.h"
#include "sys/files.h"

namespace tare::network {
namespace {

using sys::netlink::Attribute;
using sys::netlink::Request;

template <typename Value>
std::string_view as_bytes(const Value& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

// Attributes that stand inside of another one.
class Nest {
 public:
  Nest& bytes(std::uint16_t type, std::string_view value) {
    const nlattr header{.nla_len = static_cast<std::uint16_t>(NLA_HDRLEN + value.size()),
                        .nla_type = type};
    body_.append(as_bytes(header));
    body_.append(value);
    body_.resize(NLA_ALIGN(body_.size()), '\0');
    return *this;
  }
  Nest& text(std::uint16_t type, const std::string& value) {
    return bytes(type, std::string_view(value.c_str(), value.size() + 1));
  }
  Nest& number(std::uint16_t type, std::uint32_t value) { return bytes(type, as_bytes(value)); }
  Nest& byte(std::uint16_t type, std::uint8_t value) { return bytes(type, as_bytes(value)); }
  // In front of all of them, as VETH_INFO_PEER wants it.
  template <typename Fixed>
  static Nest behind(const Fixed& fixed) {
    Nest nest;
    nest.body_.assign(as_bytes(fixed));
    return nest;
  }
  const std::string& body() const { return body_; }

 private:
  std::string body_;
};

void describe(Nest& nest, const ContainerInterface& inside) {
  nest.text(IFLA_IFNAME, inside.name);
  nest.bytes(IFLA_ADDRESS, {reinterpret_cast<const char*>(inside.mac.data()), inside.mac.size()});
  if (inside.mtu != 0) nest.number(IFLA_MTU, inside.mtu);
  nest.number(IFLA_NET_NS_FD, static_cast<std::uint32_t>(inside.network));
}

// Where br_netfilter shows the rules what a bridge only passes on, what a container sends to a port
// that it has published itself is led back while it is still on the bridge: through the port it
// came from, which a bridge does for hairpins only. [linux net/bridge/br_netfilter_hooks.c,
// br_nf_pre_routing_finish()]
bool bridges_are_filtered() {
  for (const char* const path :
       {"bridge/bridge-nf-call-iptables", "bridge/bridge-nf-call-ip6tables"})
    if (const auto value = get_sysctl(path); value && *value != "0") return true;
  return false;
}

Result<Link> read_link(const std::string& body) {
  const auto fixed = TRY(sys::netlink::fixed_part<ifinfomsg>(body));
  Link link{.index = fixed.ifi_index, .is_up = (fixed.ifi_flags & IFF_UP) != 0};
  const auto attributes = TRY(sys::netlink::parse_attributes(body, sizeof fixed));
  const auto text = [&](std::uint16_t type) {
    const Attribute* const found = sys::netlink::find(attributes, type);
    return found == nullptr ? std::string()
                            : std::string(found->value.substr(0, found->value.find('\0')));
  };
  const auto number = [&](std::uint16_t type) {
    const Attribute* const found = sys::netlink::find(attributes, type);
    std::uint32_t value = 0;
    if (found != nullptr && found->value.size() == sizeof value)
      found->value.copy(reinterpret_cast<char*>(&value), sizeof value);
    return value;
  };
  link.name = text(IFLA_IFNAME);
  link.alias = text(IFLA_IFALIAS);
  if (const Attribute* const mac = sys::netlink::find(attributes, IFLA_ADDRESS))
    link.mac = mac->value;
  link.master = static_cast<int>(number(IFLA_MASTER));
  link.mtu = number(IFLA_MTU);
  const Attribute* const info = sys::netlink::find(attributes, IFLA_LINKINFO);
  if (info == nullptr) return link;
  const auto inner = TRY(sys::netlink::parse_attributes(info->value, 0));
  if (const Attribute* const kind = sys::netlink::find(inner, IFLA_INFO_KIND))
    link.kind = kind->value.substr(0, kind->value.find('\0'));
  return link;
}

Result<std::uint32_t> macvlan_mode(const std::string& mode) {
  if (mode.empty() || mode == "bridge") return MACVLAN_MODE_BRIDGE;
  if (mode == "private") return MACVLAN_MODE_PRIVATE;
  if (mode == "vepa") return MACVLAN_MODE_VEPA;
  if (mode == "passthru") return MACVLAN_MODE_PASSTHRU;
  return std::unexpected(Error(Kind::Invalid, quoted(mode) + " is no mode of macvlan")
                             .hint("there are bridge, private, vepa and passthru"));
}

// The subnet that a message of an address or a route is about.
Result<std::optional<Subnet>> read_subnet(const std::string& body, bool is_route) {
  int prefix = 0;
  std::size_t fixed = 0;
  bool is_unicast = true;
  if (is_route) {
    const auto route = TRY(sys::netlink::fixed_part<rtmsg>(body));
    prefix = route.rtm_dst_len;
    is_unicast = route.rtm_type == RTN_UNICAST && route.rtm_table != RT_TABLE_LOCAL;
    fixed = sizeof route;
  } else {
    const auto address = TRY(sys::netlink::fixed_part<ifaddrmsg>(body));
    prefix = address.ifa_prefixlen;
    is_unicast = address.ifa_scope != RT_SCOPE_LINK;
    fixed = sizeof address;
  }
  if (prefix == 0 || !is_unicast) return std::nullopt;
  const auto attributes = TRY(sys::netlink::parse_attributes(body, fixed));
  const Attribute* const found = sys::netlink::find(
      attributes, is_route ? std::uint16_t{RTA_DST} : std::uint16_t{IFA_ADDRESS});
  if (found == nullptr || (found->value.size() != 4 && found->value.size() != 16))
    return std::nullopt;
  return Subnet::of(Address::of_bytes(found->value), prefix);
}

bool is_link_local(const Subnet& subnet) {
  return subnet.base.is_v6 && subnet.base.bytes[0] == 0xfe && (subnet.base.bytes[1] & 0xc0) == 0x80;
}

}  // namespace

Result<Links> Links::open() { return Links(TRY(sys::netlink::Socket::open())); }

Result<std::optional<Link>> Links::find(const std::string& name) {
  Request request(RTM_GETLINK, 0, ifinfomsg{});
  request.text(name.size() < IFNAMSIZ ? IFLA_IFNAME : IFLA_ALT_IFNAME, name);
  auto answers = socket_.ask(request);
  if (!answers && answers.error().errnum() == ENODEV) return std::nullopt;
  const auto bodies = TRY(std::move(answers));
  if (bodies.empty()) return fail(Kind::Internal, "netlink does not tell of " + quoted(name));
  return TRY(read_link(bodies.front()));
}

Result<std::vector<Link>> Links::list() {
  std::vector<Link> links;
  for (const std::string& body : TRY(socket_.ask({RTM_GETLINK, NLM_F_DUMP, ifinfomsg{}})))
    links.push_back(TRY(read_link(body)));
  return links;
}

Result<Link> Links::make_bridge(const std::string& name, const Mac& mac, std::uint32_t mtu) {
  Request request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, ifinfomsg{});
  request.text(IFLA_IFNAME, name);
  request.bytes(IFLA_ADDRESS, {reinterpret_cast<const char*>(mac.data()), mac.size()});
  if (mtu != 0) request.number(IFLA_MTU, mtu);
  request.bytes(IFLA_LINKINFO, Nest().text(IFLA_INFO_KIND, "bridge").body());
  TRY(socket_.ask(request), "make the bridge " + quoted(name));
  const auto link = TRY(find(name));
  if (!link) return fail(Kind::Unavailable, "the bridge " + quoted(name) + " is gone again");
  return *link;
}

Result<> Links::set_alias(const Link& link, const std::string& alias) {
  ifinfomsg which{};
  which.ifi_index = link.index;
  Request request(RTM_NEWLINK, 0, which);
  request.text(IFLA_IFALIAS, alias);
  TRY(socket_.ask(request), "mark the device " + quoted(link.name));
  return {};
}

Result<> Links::make_pair(const std::string& host_name, const Link& bridge, bool isolated,
                          const ContainerInterface& inside) {
  ifinfomsg fixed{};
  fixed.ifi_flags = fixed.ifi_change = IFF_UP;
  Nest peer = Nest::behind(ifinfomsg{});
  describe(peer, inside);
  Nest data;
  data.bytes(VETH_INFO_PEER, peer.body());
  Request request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, fixed);
  request.text(IFLA_IFNAME, host_name);
  request.number(IFLA_MASTER, static_cast<std::uint32_t>(bridge.index));
  if (inside.mtu != 0) request.number(IFLA_MTU, inside.mtu);
  request.bytes(IFLA_LINKINFO,
                Nest().text(IFLA_INFO_KIND, "veth").bytes(IFLA_INFO_DATA, data.body()).body());
  TRY(socket_.ask(request), "make the pair of interfaces " + quoted(host_name));
  return set_port_options(host_name, isolated);
}

Result<> Links::set_port_options(const std::string& host_name, bool isolated) {
  const bool is_filtered = bridges_are_filtered();
  if (!isolated && !is_filtered) return {};
  const auto made = TRY(find(host_name));
  if (!made) return fail(Kind::Unavailable, quoted(host_name) + " is gone again");
  ifinfomsg port{};
  port.ifi_family = AF_BRIDGE;
  port.ifi_index = made->index;
  Request setting(RTM_SETLINK, 0, port);
  Nest options;
  if (isolated) options.byte(IFLA_BRPORT_ISOLATED, 1);
  if (is_filtered) options.byte(IFLA_BRPORT_MODE, BRIDGE_MODE_HAIRPIN);
  setting.bytes(IFLA_PROTINFO | NLA_F_NESTED, options.body());
  TRY(socket_.ask(setting), "set up " + quoted(host_name) + " as a port of the bridge");
  return {};
}

Result<> Links::add_port(const Link& bridge, const Link& link, bool isolated) {
  ifinfomsg which{};
  which.ifi_index = link.index;
  Request request(RTM_NEWLINK, 0, which);
  request.number(IFLA_MASTER, static_cast<std::uint32_t>(bridge.index));
  TRY(socket_.ask(request), "make " + quoted(link.name) + " a port of " + quoted(bridge.name));
  return set_port_options(link.name, isolated);
}

Result<> Links::make_macvlan(const Link& parent, const std::string& mode,
                             const ContainerInterface& inside) {
  Nest data;
  data.number(IFLA_MACVLAN_MODE, TRY(macvlan_mode(mode)));
  Request request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, ifinfomsg{});
  request.text(IFLA_IFNAME, inside.name);
  request.bytes(IFLA_ADDRESS,
                {reinterpret_cast<const char*>(inside.mac.data()), inside.mac.size()});
  if (inside.mtu != 0) request.number(IFLA_MTU, inside.mtu);
  request.number(IFLA_NET_NS_FD, static_cast<std::uint32_t>(inside.network));
  request.number(IFLA_LINK, static_cast<std::uint32_t>(parent.index));
  request.bytes(IFLA_LINKINFO,
                Nest().text(IFLA_INFO_KIND, "macvlan").bytes(IFLA_INFO_DATA, data.body()).body());
  TRY(socket_.ask(request), "make a macvlan of " + quoted(parent.name));
  return {};
}

Result<> Links::remove(const std::string& name) {
  Request request(RTM_DELLINK, 0, ifinfomsg{});
  request.text(IFLA_IFNAME, name);
  auto removed = socket_.ask(request);
  if (!removed && removed.error().errnum() != ENODEV)
    return std::unexpected(std::move(removed).error().wrap("remove the device " + quoted(name)));
  return {};
}

Result<> Links::set_up(const Link& link) {
  ifinfomsg fixed{};
  fixed.ifi_index = link.index;
  fixed.ifi_flags = fixed.ifi_change = IFF_UP;
  TRY(socket_.ask({RTM_NEWLINK, 0, fixed}), "set up " + quoted(link.name));
  return {};
}

Result<> Links::add_address(const Link& link, const InterfaceAddress& address) {
  ifaddrmsg fixed{};
  fixed.ifa_family = static_cast<std::uint8_t>(address.address.family());
  fixed.ifa_prefixlen = static_cast<std::uint8_t>(address.prefix);
  fixed.ifa_index = static_cast<std::uint32_t>(link.index);
  fixed.ifa_flags = address.address.is_v6 ? IFA_F_NODAD : 0;
  Request request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, fixed);
  request.bytes(IFA_LOCAL, address.address.raw());
  request.bytes(IFA_ADDRESS, address.address.raw());
  if (!address.address.is_v6) {
    const Address broadcast = Subnet::of(address.address, address.prefix).last();
    request.bytes(IFA_BROADCAST, broadcast.raw());
  }
  TRY(socket_.ask(request), "give " + quoted(link.name) + " the address " + address.address.text());
  return {};
}

Result<> Links::add_default_route(const Link& link, const Address& gateway) {
  rtmsg fixed{};
  fixed.rtm_family = static_cast<std::uint8_t>(gateway.family());
  fixed.rtm_table = RT_TABLE_MAIN;
  fixed.rtm_protocol = RTPROT_STATIC;
  fixed.rtm_scope = RT_SCOPE_UNIVERSE;
  fixed.rtm_type = RTN_UNICAST;
  Request request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, fixed);
  request.bytes(RTA_GATEWAY, gateway.raw());
  request.number(RTA_OIF, static_cast<std::uint32_t>(link.index));
  TRY(socket_.ask(request), "route everything by " + gateway.text());
  return {};
}

Result<> Links::remove_default_routes() {
  for (const int family : {AF_INET, AF_INET6}) {
    rtmsg fixed{};
    fixed.rtm_family = static_cast<std::uint8_t>(family);
    fixed.rtm_table = RT_TABLE_MAIN;
    fixed.rtm_scope = RT_SCOPE_NOWHERE;
    auto removed = socket_.ask({RTM_DELROUTE, 0, fixed});
    // ENOENT of IPv6 without any route. [linux net/ipv6/route.c, __ip6_del_rt()]
    const int problem = removed ? 0 : removed.error().errnum();
    if (problem != 0 && problem != ESRCH && problem != ENOENT)
      return std::unexpected(std::move(removed).error().wrap("remove the default route"));
  }
  return {};
}

Result<std::vector<Subnet>> Links::subnets() {
  std::vector<Subnet> found;
  const auto take = [&](const std::vector<std::string>& bodies, bool is_route) -> Result<> {
    for (const std::string& body : bodies) {
      const auto subnet = TRY(read_subnet(body, is_route));
      if (subnet && !subnet->base.is_loopback() && !is_link_local(*subnet))
        found.push_back(*subnet);
    }
    return {};
  };
  const auto addresses = TRY(socket_.ask({RTM_GETADDR, NLM_F_DUMP, ifaddrmsg{}}));
  TRY(take(addresses, false));
  const auto routes = TRY(socket_.ask({RTM_GETROUTE, NLM_F_DUMP, rtmsg{}}));
  TRY(take(routes, true));
  return found;
}

Result<Visit> Visit::begin(int network) {
  sys::Fd home = TRY(sys::open_path("/proc/thread-self/ns/net", O_RDONLY));
  // We have to be able to return: that is tried first.
  if (::setns(home.get(), CLONE_NEWNET) != 0)
    return fail_errno("our own network namespace is not ours to come back to");
  if (::setns(network, CLONE_NEWNET) != 0)
    return fail_errno("enter the container's network namespace");
  return Visit(std::move(home));
}

Visit::~Visit() {
  if (home_ && ::setns(home_.get(), CLONE_NEWNET) != 0) std::abort();
}

Result<> set_sysctl(const std::string& path, std::string_view value) {
  const sys::Fd file = TRY(sys::open_path("/proc/sys/net/" + path, O_WRONLY));
  return sys::write_all(file.get(), value);
}

Result<std::string> get_sysctl(const std::string& path) {
  const sys::Fd file = TRY(sys::open_path("/proc/sys/net/" + path, O_RDONLY));
  return std::string(trim(TRY(sys::read_all(file.get(), 4096))));
}

}  // namespace tare::network
