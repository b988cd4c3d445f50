// SPDX-License-Identifier: Apache-2.0
#include "network/firewall_rules.h"

namespace tare::network {

// An accept here ends this table's chain only: base chains of others still decide.
//
// What a packet of an established connection meets: two look-ups of its source if it comes from a
// container, one rule in `forward`. The rest is for the first packet of a connection.
const char* const kFirewallRules = R"nft(
  # All our bridges; those of internal networks; those without masquerading; those whose
  # containers may talk to each other.
  set bridges { type ifname; }
  set internal { type ifname; }
  set routed { type ifname; }
  set same { type ifname . ifname; }
  # Families whose packets nobody but us wanted this machine to forward.
  set guarded { type nf_proto; }
  # What containers may have as their source.
  set sources4 { type ifname . ipv4_addr; flags interval; }
  set sources6 { type ifname . ipv6_addr; flags interval; }
  # Published ports: at one address of the host, and at all.
  map ports4 { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }
  map ports6 { type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service; }
  map any4 { type inet_proto . inet_service : ipv4_addr . inet_service; }
  map any6 { type inet_proto . inet_service : ipv6_addr . inet_service; }

  # Which rules these are, and never used.
  chain layout_2 {
    return
  }

  # Before connection tracking: a spoofed packet must not pass for one of somebody else's connection.
  chain raw_prerouting {
    type filter hook prerouting priority raw; policy accept;
    iifname @bridges goto from_container
  }
  chain from_container {
    # Somebody may have set route_localnet, which opens the host's own services. [CVE-2020-8558]
    ip daddr 127.0.0.0/8 drop
    iifname . ip saddr @sources4 accept
    iifname . ip6 saddr @sources6 accept
    # Neighbour discovery; but no container is a router. [CVE-2020-10749]
    icmpv6 type { nd-router-advert, nd-redirect } drop
    ip6 saddr fe80::/10 accept
    ip6 saddr :: accept
    drop
  }

  chain nat_prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    fib daddr type local goto published
  }
  chain nat_output {
    type nat hook output priority -100; policy accept;
    # Loopback is the forwarder's: what has such an address does not leave the host.
    ip daddr 127.0.0.0/8 return
    ip saddr 127.0.0.0/8 return
    ip6 daddr ::1 return
    ip6 saddr ::1 return
    fib daddr type local goto published
  }
  chain published {
    meta nfproto vmap { ipv4 : goto published4, ipv6 : goto published6 }
  }
  chain published4 {
    dnat ip to ip daddr . meta l4proto . th dport map @ports4
    dnat ip to meta l4proto . th dport map @any4
  }
  chain published6 {
    # Nobody forwards what comes from a link-local address; the forwarder serves it.
    ip6 saddr fe80::/10 return
    dnat ip6 to ip6 daddr . meta l4proto . th dport map @ports6
    dnat ip6 to meta l4proto . th dport map @any6
  }

  chain nat_postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    oifname @bridges goto into_bridge_nat
    # What an internal network sends does not come here.
    iifname @routed return
    iifname @bridges masquerade
  }
  # To a published port from its own network: without this the answer would go past the host, or, of
  # a container that asks itself, would be its own.
  chain into_bridge_nat {
    ct status & dnat != dnat return
    oifname . ip saddr @sources4 masquerade
    oifname . ip6 saddr @sources6 masquerade
  }

  chain forward {
    type filter hook forward priority filter; policy accept;
    ct state established,related accept
    iifname . oifname @same accept
    iifname @internal drop
    oifname @bridges goto into_bridge
    iifname @bridges goto out_of_bridge
    # Within a bridge of somebody else, which br_netfilter shows us.
    meta iifkind "bridge" meta oifkind "bridge" return
    meta nfproto @guarded drop
  }
  chain out_of_bridge {
    # It would leave with the container's address.
    ct state invalid drop
  }
  chain into_bridge {
    oifname @internal drop
    # Published. Anything else addresses a container directly: another network, or a neighbour of
    # the host that routes our addresses to it.
    ct status & dnat == dnat accept
    drop
  }

  # Of an internal network the host is not a part: its services are somewhere else, too.
  chain input {
    type filter hook input priority filter; policy accept;
    iifname @internal goto input_internal
  }
  chain input_internal {
    ct state established,related accept
    meta l4proto { icmp, icmpv6 } accept
    drop
  }
)nft";

}  // namespace tare::network
