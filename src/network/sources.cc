// SPDX-License-Identifier: Apache-2.0
#include "network/sources.h"

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

#include "network/nft_program.h"
#include "network/socket_address.h"
#include "sys/netlink.h"

namespace tare::network {
namespace {

using sys::netlink::Request;

constexpr std::uint32_t kMark = 0x74617265;  // As in the rules below.
constexpr std::uint32_t kTable = 0x74617265;
constexpr std::uint32_t kPriority = 100;  // Before the tables of others, behind that of our own.
constexpr std::uint32_t kLoopback = 1;    // [linux include/net/net_namespace.h]
constexpr const char* kRules = R"nft(
table inet tare_sources
delete table inet tare_sources
table inet tare_sources {
  chain prerouting {
    type filter hook prerouting priority mangle; policy accept;
    socket transparent 1 meta mark set 0x74617265
  }
}
)nft";

Result<> add(sys::netlink::Socket& socket, const Request& request) {
  auto added = socket.ask(request);
  if (added || added.error().kind() == Kind::Exists) return {};
  return std::unexpected(std::move(added).error());
}

// What has the mark is local, whatever its address.
Result<> deliver_marked(sys::netlink::Socket& socket, int family) {
  rtmsg route{};
  route.rtm_family = static_cast<std::uint8_t>(family);
  route.rtm_protocol = RTPROT_STATIC;
  route.rtm_scope = RT_SCOPE_HOST;
  route.rtm_type = RTN_LOCAL;
  Request default_route(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, route);
  default_route.number(RTA_TABLE, kTable).number(RTA_OIF, kLoopback);
  TRY(add(socket, default_route));
  fib_rule_hdr rule{};
  rule.family = static_cast<std::uint8_t>(family);
  rule.action = FR_ACT_TO_TBL;
  Request by_mark(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, rule);
  by_mark.number(FRA_PRIORITY, kPriority).number(FRA_FWMARK, kMark).number(FRA_TABLE, kTable);
  return add(socket, by_mark);
}

}  // namespace

Result<> accept_sources() {
  TRY(run_nft(kRules));
  auto socket = TRY(sys::netlink::Socket::open(NETLINK_ROUTE));
  TRY(deliver_marked(socket, AF_INET));
  auto done = deliver_marked(socket, AF_INET6);
  // A kernel without it.
  if (!done && (done.error().errnum() == EAFNOSUPPORT || done.error().errnum() == EOPNOTSUPP))
    return {};
  return done;
}

Result<sys::Fd> make_socket_as(const Address& source, int type) {
  sys::Fd socket(::socket(source.family(), type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return fail_errno("make a socket for a published port");
  const int yes = 1;
  const int transparent =
      source.is_v6 ? ::setsockopt(socket.get(), SOL_IPV6, IPV6_TRANSPARENT, &yes, sizeof yes)
                   : ::setsockopt(socket.get(), SOL_IP, IP_TRANSPARENT, &yes, sizeof yes);
  // The port is chosen when it is known who is asked: else they would be few for all.
  if (transparent < 0 ||
      ::setsockopt(socket.get(), SOL_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes) < 0)
    return fail_errno("setsockopt");
  const SocketAddress address(source, 0);
  if (::bind(socket.get(), address.get(), address.size()) < 0)
    return fail_errno("bind to " + source.text());
  return socket;
}

}  // namespace tare::network
