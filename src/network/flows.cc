// SPDX-License-Identifier: Apache-2.0
// [linux net/netfilter/nf_conntrack_netlink.c]
#include "network/firewall.h"

#include <netinet/in.h>
// Behind it, or the two have the same things twice.
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <string>

#include "network/socket_address.h"

namespace tare::network {
namespace {

using nft::Attributes;
using sys::netlink::Attribute;
using sys::netlink::fixed_part;
using sys::netlink::parse_attributes;
using sys::netlink::Request;

// Which parts of a tuple count; not in the kernel's public headers, but what it is asked with.
// [linux net/netfilter/nf_internals.h, CTA_FILTER_F_*]
constexpr std::uint32_t kByProtocol = 1U << 3U;

using Tuple = Flow;

Result<Tuple> parse_tuple(std::string_view bytes) {
  Tuple tuple;
  for (const Attribute& part : TRY(parse_attributes(bytes, 0))) {
    if (part.type != CTA_TUPLE_IP && part.type != CTA_TUPLE_PROTO) continue;
    for (const Attribute& field : TRY(parse_attributes(part.value, 0))) {
      const bool is_address = field.value.size() == 4 || field.value.size() == 16;
      if (part.type == CTA_TUPLE_IP) {
        if (!is_address) continue;
        if (field.type == CTA_IP_V4_SRC || field.type == CTA_IP_V6_SRC)
          tuple.source = Address::of_bytes(field.value);
        if (field.type == CTA_IP_V4_DST || field.type == CTA_IP_V6_DST)
          tuple.target = Address::of_bytes(field.value);
        continue;
      }
      if (field.type == CTA_PROTO_NUM) tuple.protocol = TRY(fixed_part<std::uint8_t>(field.value));
      if (field.type == CTA_PROTO_DST_PORT) {
        const auto port = TRY(fixed_part<std::uint16_t>(field.value));
        tuple.port = ntohs(port);
      }
    }
  }
  return tuple;
}

Request request(std::uint16_t message, std::uint16_t flags, const Address& like,
                std::string_view attributes) {
  const nfgenmsg header{.nfgen_family = static_cast<std::uint8_t>(like.family()),
                        .version = NFNETLINK_V0,
                        .res_id = 0};
  Request made((NFNL_SUBSYS_CTNETLINK << 8U) | message, flags, header);
  made.append(attributes);
  return made;
}

// All flows of UDP; of a kernel that does not know such questions, all.
Request all_flows(const Address& like) {
  const std::uint8_t protocol = IPPROTO_UDP;
  Attributes transport;
  transport.bytes(CTA_PROTO_NUM, {reinterpret_cast<const char*>(&protocol), sizeof protocol});
  Attributes all;
  all.nest(CTA_TUPLE_ORIG, Attributes().nest(CTA_TUPLE_PROTO, transport));
  Attributes filter;
  filter.bytes(CTA_FILTER_ORIG_FLAGS,
               {reinterpret_cast<const char*>(&kByProtocol), sizeof kByProtocol});
  all.nest(CTA_FILTER, filter);
  return request(IPCTNL_MSG_CT_GET, NLM_F_DUMP, like, all.view());
}

bool is_of_this_host(const Address& address) {
  const sys::Fd socket(::socket(address.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const SocketAddress any_port(address, 0);
  return socket && ::bind(socket.get(), any_port.get(), any_port.size()) == 0;
}

// What it is removed by: its tuple, and the number, so that one which was made anew meanwhile
// stays.
std::string name_part(const Attribute& attribute) {
  const bool is_tuple = attribute.type == CTA_TUPLE_ORIG;
  if (!is_tuple && attribute.type != CTA_ID && attribute.type != CTA_ZONE) return "";
  return std::string(
      Attributes()
          .bytes(is_tuple ? CTA_TUPLE_ORIG | NLA_F_NESTED : attribute.type, attribute.value)
          .view());
}

Result<> remove_flow(sys::netlink::Socket& socket, const Address& like, const std::string& name) {
  auto done = socket.ask(request(IPCTNL_MSG_CT_DELETE, 0, like, name));
  if (done || done.error().kind() == Kind::NotFound) return {};
  return std::unexpected(std::move(done).error().wrap("forget a flow"));
}

// Its tuple, to remove it by, when it leads where it should not.
Result<std::string> stale_flow(std::string_view body, const Mapping& mapping) {
  Tuple question;
  Tuple answer;
  std::string name;
  for (const Attribute& attribute : TRY(parse_attributes(body, sizeof(nfgenmsg)))) {
    if (attribute.type == CTA_TUPLE_ORIG) question = TRY(parse_tuple(attribute.value));
    if (attribute.type == CTA_TUPLE_REPLY) answer = TRY(parse_tuple(attribute.value));
    name += name_part(attribute);
  }
  if (question.protocol != IPPROTO_UDP || question.port != mapping.port.host_port) return "";
  if (answer.source == mapping.target) return "";
  const Address& host = mapping.port.host;
  if (!host.is_any() && question.target != host) return "";
  // What goes through this host to that port of another is none of it.
  if (question.target == answer.source && !is_of_this_host(question.target)) return "";
  return name;
}

}  // namespace

Result<> forget_stale_flows(const Publication& publication) {
  for (const bool is_v6 : {false, true}) {
    std::vector<Mapping> mappings = mappings_of(publication);
    std::erase_if(mappings, [&](const Mapping& mapping) {
      return mapping.port.protocol != Protocol::Udp || mapping.port.host.is_v6 != is_v6;
    });
    if (mappings.empty()) continue;
    auto socket = TRY(sys::netlink::Socket::open(NETLINK_NETFILTER));
    const Address like{.is_v6 = is_v6};
    for (const std::string& body : TRY(socket.ask(all_flows(like)), "look for flows")) {
      for (const Mapping& mapping : mappings) {
        const std::string name = TRY(stale_flow(body, mapping));
        if (name.empty()) continue;
        TRY(remove_flow(socket, like, name));
        break;
      }
    }
  }
  return {};
}

Result<> forget_flows_from(const std::vector<Address>& sources,
                           const std::function<bool(const Flow&)>& may_stay) {
  auto socket = TRY(sys::netlink::Socket::open(NETLINK_NETFILTER));
  for (const bool is_v6 : {false, true}) {
    const Address like{.is_v6 = is_v6};
    for (const std::string& body :
         TRY(socket.ask(request(IPCTNL_MSG_CT_GET, NLM_F_DUMP, like, "")), "look for flows")) {
      Flow flow;
      std::string name;
      for (const Attribute& attribute : TRY(parse_attributes(body, sizeof(nfgenmsg)))) {
        if (attribute.type == CTA_TUPLE_ORIG) flow = TRY(parse_tuple(attribute.value));
        name += name_part(attribute);
      }
      if (std::ranges::find(sources, flow.source) == sources.end() || may_stay(flow)) continue;
      TRY(remove_flow(socket, like, name));
    }
  }
  return {};
}

}  // namespace tare::network
