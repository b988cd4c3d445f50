// SPDX-License-Identifier: Apache-2.0
// [nfnetlink's group NFNLGRP_NFTABLES; linux net/netfilter/nf_tables_api.c, nft_commit_notify()]
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "network/firewall.h"

namespace tare::network {
namespace {

constexpr std::size_t kMostBytes = 65536;

bool is_removal(const sys::netlink::Message& message) {
  const unsigned subsystem = message.type >> 8U;
  const unsigned what = message.type & 0xffU;
  return subsystem == NFNL_SUBSYS_NFTABLES &&
         (what == NFT_MSG_DELTABLE || what == NFT_MSG_DELCHAIN || what == NFT_MSG_DELRULE ||
          what == NFT_MSG_DELSET);
}

}  // namespace

Result<FirewallWatch> FirewallWatch::open() {
  sys::Fd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER));
  if (!socket && errno == EPROTONOSUPPORT)
    return fail(Kind::Unsupported, "this kernel has no nf_tables");
  if (!socket) return fail_errno("make a netlink socket");
  const sockaddr_nl self{.nl_family = AF_NETLINK, .nl_pad = 0, .nl_pid = 0, .nl_groups = 0};
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&self), sizeof self) < 0)
    return fail_errno("bind a netlink socket");
  const int group = NFNLGRP_NFTABLES;
  if (::setsockopt(socket.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) < 0)
    return fail_errno("watch the rules of nftables");
  Firewall firewall = TRY(Firewall::open());
  const auto handle = TRY(firewall.handle());
  return FirewallWatch(std::move(socket), std::move(firewall), handle);
}

Result<bool> FirewallWatch::heard_removal() {
  bool is_suspect = false;
  std::string datagram(kMostBytes, '\0');
  for (;;) {
    const ssize_t size = ::recv(socket_.get(), datagram.data(), datagram.size(), 0);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) break;
    // So much was said that some of it is lost.
    if (size < 0 && errno == ENOBUFS) {
      is_suspect = true;
      continue;
    }
    if (size < 0) return fail_errno("hear the rules of nftables");
    const std::string_view said(datagram.data(), static_cast<std::size_t>(size));
    for (const sys::netlink::Message& message : TRY(sys::netlink::parse_messages(said)))
      is_suspect = is_suspect || is_removal(message);
  }
  return is_suspect;
}

Result<bool> FirewallWatch::table_is_gone() {
  if (!TRY(heard_removal())) return false;
  // It may have been another table. If it was ours, a start may have made it anew meanwhile, and
  // without what was published for others.
  const auto handle = TRY(firewall_.handle());
  return std::exchange(handle_, handle) != handle || !TRY(firewall_.is_whole());
}

}  // namespace tare::network
