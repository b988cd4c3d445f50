# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# as: root
# needs: nft ip nsenter
# A container with all capabilities over its own network lies about who it is, and asks for the
# host's loopback addresses. [CVE-2020-8558, CVE-2020-10749]
. "$TEST_LIB"
# shellcheck source=tests/network.sh
. "$(dirname "$TEST_LIB")/network.sh"

net_world
net_network tare0 5
net_network tare1 6
net_container host tare0 web 10.5.0.2/24 fd00:5::2/64
net_container host tare1 evil 10.6.0.2/24 fd00:6::2/64

# heard_by HOST COMMAND...: whether a datagram for port 4001 gets into HOST while COMMAND runs.
heard_by() {
  local before after
  before=$(net_run "$1" nft list counter inet heard arrived | awk '/packets/{print $2}')
  "${@:2}"
  # Behind it comes one that gets through: what was sent before has arrived by then.
  net_run evil "$net_peer" spoof 10.6.0.2 203.0.113.1 4002
  eventually 5 marker_arrived
  after=$(net_run "$1" nft list counter inet heard arrived | awk '/packets/{print $2}')
  [ "$before" != "$after" ]
}
markers=0
marker_arrived() {
  local now
  now=$(net_run host nft list counter inet heard marker | awk '/packets/{print $2}')
  [ "$now" != "$markers" ] && markers=$now
}
listen() {
  net_run "$1" nft -f - <<'NFT'
table inet heard {
  counter arrived { }
  counter marker { }
  chain input {
    type filter hook input priority 100;
    udp dport 4001 counter name arrived
    udp dport 4002 counter name marker
  }
}
NFT
}
listen host
listen web

# The truth arrives.
heard_by host net_run evil "$net_peer" spoof 10.6.0.2 203.0.113.1 4001 || fail "the truth does not arrive"
# Somebody else's address, one of outside, one that is nobody's.
for source in 10.5.0.2 203.0.113.9 224.0.0.1; do
  ! heard_by host net_run evil "$net_peer" spoof $source 203.0.113.1 4001 || fail "$source was believed"
  ! heard_by host net_run evil "$net_peer" spoof $source 10.6.0.1 4001 || fail "$source was believed"
done

# Loopback addresses of the host, even where somebody has opened them (as Kubernetes does).
net_run host sysctl -qw net.ipv4.conf.all.route_localnet=1 net.ipv4.conf.tare1.route_localnet=1
net_run evil sysctl -qw net.ipv4.conf.all.route_localnet=1
net_run evil ip address del 127.0.0.1/8 dev lo
net_run evil ip route del table local 127.0.0.0/8 dev lo 2>/dev/null || true
net_run evil ip route add 127.0.0.0/8 via 10.6.0.1 src 10.6.0.2
for target in 127.0.0.1 127.0.0.11 127.255.0.1; do
  ! heard_by host net_run evil "$net_peer" spoof 10.6.0.2 $target 4001 || fail "$target was reached"
done
# It would, without our rules: the attack is one.
net_run host nft insert rule inet tare from_container ip saddr 10.6.0.2 accept
heard_by host net_run evil "$net_peer" spoof 10.6.0.2 127.0.0.1 4001 || fail "the attack does not work anyway"
