// SPDX-License-Identifier: Apache-2.0
#include "network/forwarding.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "network/attach.h"
#include "network/links.h"
#include "sys/files.h"

namespace tare::network {
namespace {

constexpr std::string_view kOurs = "2";

std::string path_of(bool v6) { return v6 ? "ipv6/conf/all/forwarding" : "ipv4/ip_forward"; }

// Empty where the kernel has not this family.
Result<std::string> setting(bool v6) {
  auto now = get_sysctl(path_of(v6));
  if (!now && now.error().kind() == Kind::NotFound) return std::string();
  return now;
}

// Interfaces that learn their routes from routers go on doing so: the kernel stops it when a
// machine becomes a router itself, but for this value. [ip-sysctl.rst, accept_ra]
void keep_advertisements() {
  const auto interfaces = sys::list_directory(AT_FDCWD, "/proc/sys/net/ipv6/conf");
  if (!interfaces) return;
  for (const std::string& name : *interfaces) {
    const std::string path = "ipv6/conf/" + name + "/accept_ra";
    const auto now = get_sysctl(path);
    if (now && *now == "1") (void)set_sysctl(path, "2");
  }
}

Result<> enable_one(Firewall& firewall, bool v6) {
  const std::string now = TRY(setting(v6));
  if (now.empty()) return {};
  const bool is_off = now == "0";
  TRY(firewall.guard(v6, is_off || now == kOurs));
  if (!is_off) return {};
  if (v6) keep_advertisements();
  return set_sysctl(path_of(v6), kOurs);
}

Result<bool> is_in_use() {
  Links links = TRY(Links::open());
  const std::vector<Link> all = TRY(links.list());
  return std::ranges::any_of(all, [&](const Link& port) {
    return port.master != 0 && std::ranges::any_of(all, [&](const Link& bridge) {
             return bridge.index == port.master && is_bridge_of_ours(bridge);
           });
  });
}

}  // namespace

Result<> enable_forwarding(Firewall& firewall, bool v6) {
  TRY(enable_one(firewall, false), "let this machine forward packets");
  if (v6) TRY(enable_one(firewall, true), "let this machine forward packets");
  return {};
}

Result<> guard_forwarding(Firewall& firewall) {
  for (const bool v6 : {false, true}) {
    const std::string now = TRY(setting(v6));
    TRY(firewall.guard(v6, now == kOurs));
  }
  return {};
}

// The guard goes last: nothing passes that it should have stopped.
Result<> end_forwarding(Firewall& firewall) {
  if (TRY(is_in_use())) return {};
  for (const bool v6 : {false, true})
    if (TRY(setting(v6)) == kOurs) TRY(set_sysctl(path_of(v6), "0"));
  if (!TRY(firewall.is_whole())) return {};
  return guard_forwarding(firewall);
}

Result<ForwardingWatch> ForwardingWatch::open() {
  sys::Fd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  if (!socket) return fail_errno("make a netlink socket");
  const sockaddr_nl self{.nl_family = AF_NETLINK, .nl_pad = 0, .nl_pid = 0, .nl_groups = 0};
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&self), sizeof self) < 0)
    return fail_errno("bind a netlink socket");
  for (const int group : {RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF})
    if (::setsockopt(socket.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) < 0)
      return fail_errno("watch the settings of forwarding");
  return ForwardingWatch(std::move(socket));
}

void ForwardingWatch::drain() {
  std::array<char, 8192> bytes;
  for (;;) {
    const ssize_t size = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
    if (size < 0 && errno != EINTR && errno != ENOBUFS) return;
  }
}

}  // namespace tare::network
