// SPDX-License-Identifier: Apache-2.0
#include "network/egress_rules.h"

#include <netinet/in.h>
// Behind it, or the two have the same things twice.
#include <linux/netfilter.h>

namespace tare::network {
namespace {

// Behind connection tracking and before DNAT, so that what counts is the address that was asked
// for, be it the host's or of elsewhere. Packets of a connection that was let through meet one
// look-up and one rule.
//
// Fragments are whole again before this, and extension headers of IPv6 are looked behind: `th` is
// the transport header of all that comes. [linux nf_defrag_ipv4, nf_defrag_ipv6]
constexpr const char* kRules = R"nft(
  # Containers with a list, or that are only noted: bridge and address.
  map containers4 { type ifname . ipv4_addr : verdict; }
  map containers6 { type ifname . ipv6_addr : verdict; }
  # What a container may reach, as the list has it: addresses with all of TCP and UDP, and with a port.
  set fixed4 { type ifname . ipv4_addr . ipv4_addr; flags interval; }
  set fixed6 { type ifname . ipv6_addr . ipv6_addr; flags interval; }
  set fixed_ports4 { type ifname . ipv4_addr . ipv4_addr . inet_proto . inet_service; flags interval; }
  set fixed_ports6 { type ifname . ipv6_addr . ipv6_addr . inet_proto . inet_service; flags interval; }
  # The same by names, for as long as their answers hold.
  set named4 { type ifname . ipv4_addr . ipv4_addr; flags timeout; }
  set named6 { type ifname . ipv6_addr . ipv6_addr; flags timeout; }
  set named_ports4 { type ifname . ipv4_addr . ipv4_addr . inet_proto . inet_service; flags timeout; }
  set named_ports6 { type ifname . ipv6_addr . ipv6_addr . inet_proto . inet_service; flags timeout; }
  # What was begun and what was refused, until the service takes it.
  set begun4 { type ifname . ipv4_addr . ipv4_addr . inet_proto . inet_service; size 4096; flags dynamic,timeout; timeout 1m; counter; }
  set begun6 { type ifname . ipv6_addr . ipv6_addr . inet_proto . inet_service; size 4096; flags dynamic,timeout; timeout 1m; counter; }
  set refused4 { type ifname . ipv4_addr . ipv4_addr . inet_proto . inet_service; size 4096; flags dynamic,timeout; timeout 1m; counter; }
  set refused6 { type ifname . ipv6_addr . ipv6_addr . inet_proto . inet_service; size 4096; flags dynamic,timeout; timeout 1m; counter; }

  # Which rules these are, and never used.
  chain egress_layout_1 {
    return
  }

  chain prerouting {
    type filter hook prerouting priority mangle; policy accept;
    iifname . ip saddr vmap @containers4
    iifname . ip6 saddr vmap @containers6
  }

  chain listed4 {
    # Also the answers of published ports.
    ct state established accept
    ct state related meta l4proto icmp accept
    # To its own network, where br_netfilter shows such packets; the host is not of it, and hears what
    # is for many.
    fib daddr . iif oif exists fib daddr type unicast accept
    meta l4proto { tcp, udp } iifname . ip saddr . ip daddr @fixed4 goto begin4
    icmp type echo-request iifname . ip saddr . ip daddr @fixed4 goto begin4
    iifname . ip saddr . ip daddr . meta l4proto . th dport @fixed_ports4 goto begin4
    # No name leads to this host or to many at once.
    fib daddr type != unicast goto refuse4
    meta l4proto { tcp, udp } iifname . ip saddr . ip daddr @named4 goto begin4
    icmp type echo-request iifname . ip saddr . ip daddr @named4 goto begin4
    iifname . ip saddr . ip daddr . meta l4proto . th dport @named_ports4 goto begin4
    goto refuse4
  }
  chain listed6 {
    ct state established accept
    ct state related meta l4proto icmpv6 accept
    # Neighbours are found, the gateway among them.
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, mld2-listener-report } accept
    fib daddr . iif oif exists fib daddr type unicast accept
    meta l4proto { tcp, udp } iifname . ip6 saddr . ip6 daddr @fixed6 goto begin6
    icmpv6 type echo-request iifname . ip6 saddr . ip6 daddr @fixed6 goto begin6
    iifname . ip6 saddr . ip6 daddr . meta l4proto . th dport @fixed_ports6 goto begin6
    fib daddr type != unicast goto refuse6
    meta l4proto { tcp, udp } iifname . ip6 saddr . ip6 daddr @named6 goto begin6
    icmpv6 type echo-request iifname . ip6 saddr . ip6 daddr @named6 goto begin6
    iifname . ip6 saddr . ip6 daddr . meta l4proto . th dport @named_ports6 goto begin6
    goto refuse6
  }

  chain noted4 {
    ct state established,related accept
    fib daddr . iif oif exists accept
    goto begin4
  }
  chain noted6 {
    ct state established,related accept
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, mld2-listener-report } accept
    fib daddr . iif oif exists accept
    goto begin6
  }

  # A set that is full ends its rule only.
  chain begin4 {
    meta l4proto { tcp, udp } update @begun4 { iifname . ip saddr . ip daddr . meta l4proto . th dport }
    meta l4proto != { tcp, udp } update @begun4 { iifname . ip saddr . ip daddr . meta l4proto . 0 }
    accept
  }
  chain begin6 {
    meta l4proto { tcp, udp } update @begun6 { iifname . ip6 saddr . ip6 daddr . meta l4proto . th dport }
    meta l4proto != { tcp, udp } update @begun6 { iifname . ip6 saddr . ip6 daddr . meta l4proto . 0 }
    accept
  }
  # Told and not dropped, so that programs fail at once.
  chain refuse4 {
    meta l4proto { tcp, udp } update @refused4 { iifname . ip saddr . ip daddr . meta l4proto . th dport }
    meta l4proto != { tcp, udp } update @refused4 { iifname . ip saddr . ip daddr . meta l4proto . 0 }
    meta l4proto tcp reject with tcp reset
    reject with icmp admin-prohibited
  }
  chain refuse6 {
    meta l4proto { tcp, udp } update @refused6 { iifname . ip6 saddr . ip6 daddr . meta l4proto . th dport }
    meta l4proto != { tcp, udp } update @refused6 { iifname . ip6 saddr . ip6 daddr . meta l4proto . 0 }
    meta l4proto tcp reject with tcp reset
    reject with icmpv6 admin-prohibited
  }
)nft";

// Where the container is known by its end of the cable: with the address of a neighbour it would
// have the neighbour's list, or none.
constexpr const char* kPins = R"nft(
  set pinned { type ifname; }
  set pinned4 { type ifname . ipv4_addr; }
  set pinned6 { type ifname . ipv6_addr; }

  chain egress_layout_1 {
    return
  }

  chain prerouting {
    type filter hook prerouting priority -300; policy accept;
    iifname @pinned goto from_pinned
  }
  chain from_pinned {
    iifname . ip saddr @pinned4 accept
    iifname . ip6 saddr @pinned6 accept
    ether type arp iifname . arp saddr ip @pinned4 accept
    # Whether somebody has its address already is asked without one.
    ether type arp arp saddr ip 0.0.0.0 accept
    ip6 saddr fe80::/10 accept
    ip6 saddr :: icmpv6 type { nd-neighbor-solicit, mld2-listener-report } accept
    drop
  }

  # What goes up to the host: from link-local addresses nothing but looking for neighbours, because
  # the other table does not know whose they are.
  chain input {
    type filter hook input priority -300; policy accept;
    iifname @pinned ip6 saddr fe80::/10 goto from_link_local
  }
  chain from_link_local {
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, mld2-listener-report } accept
    drop
  }
)nft";

}  // namespace

const std::array<StaticTable, 2> kEgressTables = {{
    // The pins first: a container that is only pinned reaches no more than one that is not.
    {.family = NFPROTO_BRIDGE,
     .name = "bridge tare_egress",
     .rules = kPins,
     .layout = "egress_layout_1",
     .rule_count = 12},
    {.family = NFPROTO_INET,
     .name = "inet tare_egress",
     .rules = kRules,
     .layout = "egress_layout_1",
     .rule_count = 47},
}};

}  // namespace tare::network
