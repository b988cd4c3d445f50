# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# as: root
# needs: nft ip nsenter
# Ports published at loopback addresses, and at those of the other family, lead into containers, also
# where these are in a network namespace of their own.
. "$TEST_LIB"
# shellcheck source=tests/network.sh
. "$(dirname "$TEST_LIB")/network.sh"

net_world
net_network tare0 5
net_container host tare0 web 10.5.0.2/24 fd00:5::2/64
net_container host tare0 old 10.5.0.3/24
net_serve web web 80
net_serve old old 80

# forward WORDS...: until `release`; `stats` tells.
forward() {
  coproc FORWARD { exec nsenter --net="/proc/${NET_PID[host]}/ns/net" -- "$net_probe" forward "$@" 2>&1; }
  read -r said <&"${FORWARD[0]}"
  assert_eq "$said" forwarding
}
stats() {
  echo >&"${FORWARD[1]}"
  read -r said <&"${FORWARD[0]}"
  echo "$said"
}
stats_are() { [ "$(stats)" = "$1" ]; }
release() {
  local pid=$FORWARD_PID
  eval "exec ${FORWARD[1]}>&-"
  wait "$pid"
}

# Loopback of both families, at one address and at all; the other addresses are served by rules.
forward 10.5.0.2,fd00:5::2 127.0.0.1:8080:80/tcp 127.0.0.1:8080:80/udp '[::1]:8080:80/tcp' '[::1]:8080:80/udp' \
  0.0.0.0:8081:80/tcp 0.0.0.0:8081:80/udp '[::]:8081:80/tcp' '[::]:8081:80/udp'
net_run host "$net_probe" publish 10.5.0.2,fd00:5::2 127.0.0.1:8080:80/tcp 0.0.0.0:8081:80/tcp 0.0.0.0:8081:80/udp \
  '[::]:8081:80/tcp' '[::]:8081:80/udp'
for protocol in tcp udp; do
  assert_eq "$(net_ask host $protocol 127.0.0.1 8080)" "web sees 10.5.0.1"
  assert_eq "$(net_ask host $protocol ::1 8080)" "web sees fd00:5::1"
  net_cannot host $protocol 127.0.0.2 8080
  net_cannot outside $protocol 203.0.113.1 8080
  for address in 127.0.0.1 127.0.0.2; do
    assert_eq "$(net_ask host $protocol $address 8081)" "web sees 10.5.0.1"
  done
  assert_eq "$(net_ask host $protocol ::1 8081)" "web sees fd00:5::1"
  assert_eq "$(net_ask outside $protocol 203.0.113.1 8081)" "web sees 203.0.113.9"
  assert_eq "$(net_ask outside $protocol 2001:db8::1 8081)" "web sees 2001:db8::9"
done
eventually 5 stats_are "8 ports, 0 connections, 5 flows, 13 descriptors"
release
net_cannot host tcp 127.0.0.1 8080

# Who comes from a link-local address cannot be led into another network: the forwarder answers.
forward 10.5.0.2,fd00:5::2 '[::]:8081:80/tcp' '[::]:8081:80/udp'
net_run host ip -6 address add fe80::81/64 dev eth0 nodad
net_run outside ip -6 address add fe80::89/64 dev eth0 nodad
for protocol in tcp udp; do
  assert_eq "$(net_ask outside $protocol fe80::81%eth0 8081)" "web sees fd00:5::1"
done
release

# A container without IPv6 is reached by IPv6 all the same.
forward 10.5.0.3 '[2001:db8::1]:8080:80/tcp' '[2001:db8::1]:8080:80/udp'
for protocol in tcp udp; do
  assert_eq "$(net_ask outside $protocol 2001:db8::1 8080)" "old sees 10.5.0.1"
done
release

# Who has its containers in a network namespace that the host has no way to.
net_host apart
net_serve apart apart 80
forward 127.0.0.1 "in=${NET_PID[apart]}" 127.0.0.1:8080:80/tcp 127.0.0.1:8080:80/udp
assert_eq "$(net_ask host tcp 127.0.0.1 8080)" "apart sees 127.0.0.1"
assert_eq "$(net_ask host udp 127.0.0.1 8080)" "apart sees 127.0.0.1"
release

# Nobody listens: the client hears of it, and nothing stays.
forward 10.5.0.2 127.0.0.1:8080:9/tcp 127.0.0.1:8080:9/udp
net_cannot host tcp 127.0.0.1 8080
net_cannot host udp 127.0.0.1 8080
eventually 5 stats_are "2 ports, 0 connections, 1 flows, 3 descriptors"
release

# Much, with the answer after the end of the question: half a connection is closed before the other.
net_start web ready "$net_peer" sink 81
forward 10.5.0.2 127.0.0.1:8080:81/tcp
begin=$(date +%s%N)
assert_eq "$(net_run host "$net_peer" send 1000000000 127.0.0.1 8080)" "1000000000 bytes"
echo "1 GB in $((($(date +%s%N) - begin) / 1000000)) ms"
eventually 5 stats_are "1 ports, 0 connections, 0 flows, 1 descriptors"
release

# No more than it may have: connections wait for others to end, and flows of UDP go when they are
# silent longest, or too long.
net_start web ready "$net_peer" sink 82
forward 10.5.0.2 connections=2 flows=2 idle=300 127.0.0.1:8080:82/tcp 127.0.0.1:8080:80/udp
clients=()
for _ in 1 2 3; do
  net_start host open bash -c 'exec 3<>/dev/tcp/127.0.0.1/8080; echo open; exec sleep infinity'
  clients+=("$net_pid")
done
eventually 5 stats_are "2 ports, 2 connections, 0 flows, 14 descriptors"
# The first: what came in behind it is served now, so there are two again.
kill "${clients[0]}"
eventually 5 stats_are "2 ports, 2 connections, 0 flows, 14 descriptors"
kill "${clients[1]}"
eventually 5 stats_are "2 ports, 1 connections, 0 flows, 8 descriptors"
kill "${clients[2]}"
for _ in 1 2 3; do assert_eq "$(net_ask host udp 127.0.0.1 8080)" "web sees 10.5.0.1"; done
eventually 5 stats_are "2 ports, 0 connections, 0 flows, 2 descriptors"
release
forward 10.5.0.2 flows=2 descriptors=8 127.0.0.1:8080:80/udp 127.0.0.1:8080:82/tcp
for _ in 1 2 3; do assert_eq "$(net_ask host udp 127.0.0.1 8080)" "web sees 10.5.0.1"; done
assert_eq "$(stats)" "2 ports, 0 connections, 2 flows, 4 descriptors"
# A connection would be the seventh to tenth: it waits.
net_start host open bash -c 'exec 3<>/dev/tcp/127.0.0.1/8080; echo open; exec sleep infinity'
assert_eq "$(stats)" "2 ports, 0 connections, 2 flows, 4 descriptors"
kill "$net_pid"
release
