# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# as: root
# needs: nft ip nsenter
# Networks do not reach each other, nothing reaches what is not published, and internal networks
# reach nothing at all.
. "$TEST_LIB"
# shellcheck source=tests/network.sh
. "$(dirname "$TEST_LIB")/network.sh"

net_world
net_network tare0 5
net_network tare1 6
net_network tareint 7 internal
net_network tareiso 8 isolated
net_container host tare0 web 10.5.0.2/24 fd00:5::2/64
net_container host tare1 far 10.6.0.2/24 fd00:6::2/64
net_container host tareint inner 10.7.0.2/24 fd00:7::2/64
net_container host tareint inner2 10.7.0.3/24 fd00:7::3/64
net_container host tareiso alone 10.8.0.2/24 fd00:8::2/64
net_container host tareiso alone2 10.8.0.3/24 fd00:8::3/64
for name in web far inner alone; do net_serve $name $name 80; done
net_serve host host 9000
net_serve outside outside 9000
net_run host "$net_probe" publish 10.8.0.2,fd00:8::2 0.0.0.0:8080:80/tcp '[::]:8080:80/tcp'

for nf in 1 0; do
  net_run host sysctl -qw net.bridge.bridge-nf-call-iptables=$nf net.bridge.bridge-nf-call-ip6tables=$nf
  for protocol in tcp udp; do
    # One network to another, either way and family.
    net_cannot far $protocol 10.5.0.2 80
    net_cannot far $protocol fd00:5::2 80
    net_cannot web $protocol 10.6.0.2 80
    net_cannot web $protocol 10.7.0.2 80
    net_cannot web $protocol fd00:7::2 80
    # An internal one: to its own, and to nothing else, nor to the host.
    assert_eq "$(net_ask inner2 $protocol 10.7.0.2 80)" "inner sees 10.7.0.3"
    assert_eq "$(net_ask inner2 $protocol fd00:7::2 80)" "inner sees fd00:7::3"
    net_cannot inner $protocol 203.0.113.9 9000
    net_cannot inner $protocol 10.5.0.2 80
    net_cannot inner $protocol 203.0.113.1 8080
    net_cannot inner $protocol 10.7.0.1 9000
    net_cannot inner $protocol fd00:7::1 9000
    net_cannot inner $protocol 203.0.113.1 9000
    # The host may ask it.
    assert_eq "$(net_ask host $protocol 10.7.0.2 80)" "inner sees 10.7.0.1"
    assert_eq "$(net_ask host $protocol fd00:7::2 80)" "inner sees fd00:7::1"
  done
done
# The others reach services of the host.
assert_eq "$(net_ask web tcp 10.5.0.1 9000)" "host sees 10.5.0.2"

# Isolated ones have the way out, and published ports, but not each other: not over the host either,
# with br_netfilter or when they take the host for a router on purpose. What stays inside the bridge
# is the business of its ports (isolated on).
net_run host sysctl -qw net.bridge.bridge-nf-call-iptables=1 net.bridge.bridge-nf-call-ip6tables=1
net_cannot alone2 tcp 10.8.0.2 80
net_cannot alone2 udp fd00:8::2 80
# What a neighbour publishes it reaches as everybody does.
assert_eq "$(net_ask alone2 tcp 203.0.113.1 8080)" "alone sees 10.8.0.1"
assert_eq "$(net_ask alone2 tcp 2001:db8::1 8080)" "alone sees fd00:8::1"
net_run host sysctl -qw net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0
net_run alone2 ip route add 10.8.0.2/32 via 10.8.0.1
net_run alone2 ip -6 route add fd00:8::2/128 via fd00:8::1
net_cannot alone2 tcp 10.8.0.2 80
net_cannot alone2 tcp fd00:8::2 80
assert_eq "$(net_ask alone2 tcp 203.0.113.1 8080)" "alone sees 10.8.0.1"
assert_eq "$(net_ask alone tcp 203.0.113.9 9000)" "outside sees 203.0.113.1"

# A neighbour of the host that routes containers' addresses to it reaches nothing that is not
# published, and what is published only at the host's address.
net_run outside ip route add 10.0.0.0/8 via 203.0.113.1
net_run outside ip -6 route add fd00::/16 via 2001:db8::1
net_cannot outside tcp 10.5.0.2 80
net_cannot outside udp 10.5.0.2 80
net_cannot outside tcp fd00:5::2 80
net_cannot outside tcp 10.8.0.2 80
net_cannot outside tcp 10.7.0.2 80
# Without masquerading it is seen outside as what it is, and still not reached.
net_network tareout 9 routed
net_container host tareout plain 10.9.0.2/24 fd00:9::2/64
net_serve plain plain 80
assert_eq "$(net_ask plain tcp 203.0.113.9 9000)" "outside sees 10.9.0.2"
assert_eq "$(net_ask plain udp 2001:db8::9 9000)" "outside sees fd00:9::2"
net_cannot outside tcp 10.9.0.2 80
assert_contains "$(net_run host "$net_probe" list)" "network tareout routed 10.9.0.0/24 fd00:9::/64"
assert_eq "$(net_ask outside tcp 203.0.113.1 8080)" "alone sees 203.0.113.9"

# Forgotten, it is no network of ours any more, and the rest is as before.
net_run host "$net_probe" remove-network tareiso
net_run host "$net_probe" remove-network tareiso
assert_lacks "$(net_run host "$net_probe" list)" tareiso
assert_contains "$(net_run host "$net_probe" list)" "network tareint internal 10.7.0.0/24 fd00:7::/64"
net_run host "$net_probe" add-network tareint isolated 10.9.0.0/24
assert_contains "$(net_run host "$net_probe" list)" "network tareint isolated 10.9.0.0/24"
