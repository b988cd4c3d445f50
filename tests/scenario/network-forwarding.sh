# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# A machine that forwards for its containers is no router for its neighbours, whatever becomes of the rules
# and of the service; unless somebody else wants it to be one. It is as before when no container runs.
# as: root
# network: outside
# needs: ip nft nsenter
. "$TEST_LIB"
# shellcheck source=tests/network.sh
. "$(dirname "$TEST_LIB")/network.sh"
image_busybox

# A neighbour on the other side, and both believe that we are a router.
NET_PID[self]=$$
NET_PID[outside]=$(cat "$TEST_DIR/../outside")
net_host neighbour
net_link self eth9 neighbour eth0
net_addresses self eth9 198.51.100.1/24 2001:db8:9::1/64
net_addresses neighbour eth0 198.51.100.9/24 2001:db8:9::9/64
net_run neighbour ip route add default via 198.51.100.1
net_run neighbour ip -6 route add default via 2001:db8:9::1
net_run outside ip route add 198.51.100.0/24 via 203.0.113.1
net_run outside ip -6 route add 2001:db8:9::/64 via 2001:db8::1

net_nc() { nsenter --net="/proc/${NET_PID[$1]}/ns/net" busybox "${@:2}"; }
passes() { [ "$(echo hello | timeout 0.4 nsenter --net="/proc/${NET_PID[neighbour]}/ns/net" busybox nc "$1" 80 2>/dev/null)" = "$2 asked" ]; }
passes4() { passes 203.0.113.9 198.51.100.9; }
passes6() { passes 2001:db8::9 2001:db8:9::9; }
v4() { cat /proc/sys/net/ipv4/ip_forward; }
v6() { cat /proc/sys/net/ipv6/conf/all/forwarding; }
stands() { nft list set inet tare guarded 2>/dev/null | grep -q "$1"; }
gone() { ! stands "$1"; }
is_shut() { ! passes4 && ! passes6; }
leads_out() { [ "$(echo hello | timeout 5 tare exec -i one nc -w 2 203.0.113.9 80)" = '203.0.113.1 asked' ]; }

assert_eq "$(v4) $(v6)" '0 0'
is_shut || fail 'this is a router without us'
tare run -d --name one -p any:8080:80 busybox httpd -f -p 80 >/dev/null
assert_eq "$(v4) $(v6)" '2 2'
is_shut || fail 'a neighbour is let through'
leads_out || fail 'no way out'
net_nc outside nc -w 2 203.0.113.1 8080 </dev/null || fail 'a published port'

# The rules go, and come back; both processes of the service end, and the rules go while none runs.
nft flush ruleset
eventually 5 stands ipv6
eventually 5 stands ipv4
is_shut || fail 'a neighbour is let through after the rules were flushed'
pkill -STOP -f "^tare-net $TARE_ROOT"
pkill -KILL -f "^tare-net $TARE_ROOT"
nft flush ruleset
tare run --rm busybox true
stands ipv4 || fail 'no guard of IPv4 behind a start'
stands ipv6 || fail 'no guard of IPv6 behind a start'
is_shut || fail 'a neighbour is let through after the service was killed'
leads_out || fail 'no way out after the service was killed'

# Somebody else decides that this is a router.
echo 1 >/proc/sys/net/ipv4/ip_forward
eventually 5 passes4
not passes6
tare run --rm busybox true
passes4 || fail 'a start takes the router away'
echo 0 >/proc/sys/net/ipv4/ip_forward
tare run --rm busybox true
assert_eq "$(v4)" 2
is_shut || fail 'a neighbour is let through again'
leads_out || fail 'no way out again'

# What is bridged by others is not forwarded, even where the rules see it.
if [ -e /proc/sys/net/bridge/bridge-nf-call-iptables ]; then
  echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables
  ip link add br9 type bridge
  ip link set br9 up
  net_host left
  net_host right
  for name in left right; do
    net_link self "v$name" "$name" eth0
    ip link set "v$name" master br9 up
  done
  net_addresses left eth0 192.0.2.1/24
  net_addresses right eth0 192.0.2.2/24
  net_serve right right 80
  assert_eq "$(net_ask left tcp 192.0.2.2 80)" 'right sees 192.0.2.1'
fi

# Nothing runs any more: as before. What another wants stays.
tare rm -f one >/dev/null
as_before() { [ "$(v4) $(v6)" = '0 0' ] && gone ipv4 && gone ipv6; }
eventually 8 as_before
echo 1 >/proc/sys/net/ipv4/ip_forward
passes4 || fail 'this is no router'
tare run -d --name one busybox sleep 1000 >/dev/null
assert_eq "$(v4) $(v6)" '1 2'
passes4 || fail 'a router is none any more'
not passes6
tare rm -f one >/dev/null
ends() { [ "$(v4) $(v6)" = '1 0' ]; }
eventually 8 ends
passes4 || fail 'a router is none any more behind us'
