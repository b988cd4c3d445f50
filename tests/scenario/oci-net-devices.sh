# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# linux.netDevices: devices of the runtime's network namespace go into the container's, with a new
# name, their lasting addresses, and up; what cannot be moved is refused before anything was.
# needs: jq ip
. "$TEST_LIB"
. "$(dirname "$TEST_LIB")/oci.sh"

# The devices are made in a network of our own, which ends with us.
if [ -z "${NET_INSIDE-}" ]; then
  rm -rf "${TMPDIR:?}"/*
  NET_INSIDE=1 exec unshare --net bash -euo pipefail "$0"
fi
ip link set lo up
ip link add probe0 type veth 2>/dev/null || skip 'this kernel makes no veth devices'
ip link del probe0

c=net-$$
bare_device() { ip link add "$1" type veth peer name "peer-$1"; }
device() {
  bare_device "$1"
  ip link set "peer-$1" up
  ip link set "$1" mtu 1400 address 02:00:00:00:00:07 up
  ip addr add 192.0.2.7/24 broadcast 192.0.2.255 dev "$1" label "$1:web"
  ip addr add 192.0.2.8/24 dev "$1"                            # Secondary.
  ip addr add 198.51.100.1 peer 198.51.100.2 dev "$1"
  ip addr add 2001:db8::7/64 dev "$1" nodad
  ip addr add 192.0.2.9/24 dev "$1" valid_lft 1000 preferred_lft 1000  # Not permanent.
  ip addr add 169.254.1.1/16 dev "$1" scope link               # Not global.
}
# The kernel removes a network some time after its last process, and the other ends with it.
gone() { ! here "$1"; }
here() { ip -o link show dev "$1" >/dev/null 2>&1; }
inside() { nsenter --net="/proc/$(oci_pid $c)/ns/net" "$@"; }
addresses() { inside ip -o addr show dev "$1" | awk '{print $4 ($5 == "peer" ? "-" $6 : "")}' | sort | xargs; }

# Renamed, with what the specification lets it keep; the names of hooks' time are the container's.
device x0
bundle b '.linux.netDevices = {x0: {name: "net0"}} | .linux.sysctl = {"net.ipv4.conf.net0.forwarding": "1"}'
jq --arg log "$PWD/seen" '.hooks.createRuntime = [{path: "/bin/sh",
  args: ["sh", "-c", "pid=$(sed \"s/.*\\\"pid\\\":\\([0-9]*\\).*/\\1/\"); grep -c net0: /proc/$pid/net/dev >\($log)"]}]' b/config.json >new
mv new b/config.json
oci create -b b $c
not here x0
assert_eq "$(cat seen)" 1 'net0, as a createRuntime hook sees it,'
assert_contains "$(inside ip -o link show dev net0)" ',UP,'
assert_contains "$(inside ip -o link show dev net0)" 'mtu 1400'
assert_contains "$(inside ip -o link show dev net0)" '02:00:00:00:00:07'
assert_eq "$(addresses net0 | sed 's| fe80[^ ]*||; s|fe80[^ ]* ||')" \
  '192.0.2.7/24 192.0.2.8/24 198.51.100.1-198.51.100.2/32 2001:db8::7/64'
assert_contains "$(inside ip -o addr show dev net0)" 'brd 192.0.2.255 scope global net0:web'
assert_lacks "$(inside ip -o addr show dev net0 to 2001:db8::/32)" tentative
assert_eq "$(inside cat /proc/sys/net/ipv4/conf/net0/forwarding)" 1
oci delete --force $c
not here net0
eventually 10 gone peer-x0
nothing_left

# The device is there for the sysctls, however long the process takes to be in its network: here with
# a namespace that is joined, where it is not started before all is known.
unshare --ipc sleep 1000 &
other=$!
is_apart_by() { [ "$(readlink "/proc/$$/ns/$1")" != "$(readlink "/proc/$other/ns/$1")" ]; }
eventually 5 is_apart_by ipc
for _ in 1 2 3 4 5; do
  bare_device x0
  bundle b "(.linux.namespaces[] | select(.type == \"ipc\")).path = \"/proc/$other/ns/ipc\" |
    .linux.netDevices = {x0: {name: \"net0\"}} | .linux.sysctl = {\"net.ipv4.conf.net0.forwarding\": \"1\"}"
  oci create -b b $c
  assert_eq "$(inside cat /proc/sys/net/ipv4/conf/net0/forwarding)" 1
  oci delete --force $c
  eventually 10 gone peer-x0
done
kill $other

# Its own name; a template; a veth whose other end stays, and talks.
bare_device y0
bare_device y1
ip link add left type veth peer name right
ip addr add 203.0.113.1/30 dev left
ip link set left up
ip addr add 203.0.113.2/30 dev right
bundle b '.linux.netDevices = {y0: {}, y1: {name: "y%d"}, right: {name: "eth0"}}'
oci create -b b $c
assert_eq "$(inside ip -o link | awk -F': ' '{print $2}' | sed 's/@.*//' | sort | xargs)" 'eth0 lo y0 y1'
eventually 5 "$TEST_CACHE/rootfs/bin/busybox" ping -c 1 -W 1 203.0.113.2 >/dev/null
oci delete --force $c
eventually 10 gone left
eventually 10 gone peer-y0

# A namespace that is there already: its names are not free, and it keeps the device.
unshare --net sleep 1000 &
other=$!
eventually 5 is_apart_by net
joined() { bundle b "(.linux.namespaces[] | select(.type == \"network\")).path = \"/proc/$other/ns/net\" | .linux.netDevices = $1"; }
nsenter --net=/proc/$other/ns/net ip link add eth0 type veth
device x0
joined '{x0: {name: "eth0"}}'
refused "network device 'x0': the container has a network device 'eth0' already" oci create -b b $c
assert_contains "$(ip addr show dev x0)" 192.0.2.7/24
joined '{x0: {name: "eth%d"}}'
oci create -b b $c
assert_contains "$(inside ip -o addr show dev eth1)" 192.0.2.7/24
oci delete --force $c
assert_contains "$(nsenter --net=/proc/$other/ns/net ip -o addr show dev eth1)" 192.0.2.7/24
kill $other
eventually 10 gone peer-x0
nothing_left

# Nothing is moved when something cannot be.
device x0
bundle b '.linux.netDevices = {nope: {}, x0: {}}'
refused "linux.netDevices: network device 'nope': there is no such network device" oci create -b b $c
bundle b '.linux.netDevices = {x0: {name: "lo"}}'
refused "a network device 'lo' already" oci create -b b $c
bare_device y0
bundle b '.linux.netDevices = {x0: {name: "same"}, y0: {name: "same"}}'
refused "a network device 'same' already" oci create -b b $c
# The loopback device cannot leave; what went before it comes back as it was.
bundle b '.linux.netDevices = {aaa: {name: "bbb"}, lo: {name: "lo7"}}'
ip link set x0 down
ip link set x0 name aaa
ip link set aaa up
refused "network device 'lo': move it: " oci create -b b $c
assert_contains "$(ip -o link show dev aaa)" ',UP,'
assert_contains "$(ip -o addr show dev aaa)" 192.0.2.7/24
# The runtime's own namespace, by path and without one.
bundle b "(.linux.namespaces[] | select(.type == \"network\")).path = \"/proc/$$/ns/net\" | .linux.netDevices = {aaa: {}}"
refused 'network namespace is that of the runtime' oci create -b b $c
bundle b '.linux.namespaces |= map(select(.type != "network")) | .linux.netDevices = {aaa: {}}'
refused 'there is no network namespace' oci create -b b $c
here aaa || fail 'a device was moved'
assert_eq "$(oci features | jq .linux.netDevices.enabled)" true
nothing_left
