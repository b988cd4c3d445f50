# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# Networks of macvlan: containers reach each other and the segment beyond their device, and names are
# answered; nothing stays in the end; a device that is gone is told.
# as: root
# needs: ip nft
. "$TEST_LIB"
image_busybox

# A segment, and another machine on it.
ip link add trunk type veth peer name far
unshare --net sleep infinity &
machine=$!
net_clean() { kill $machine; }
apart() { [ "$(readlink /proc/$machine/ns/net)" != "$(readlink /proc/self/ns/net)" ]; }
eventually 5 apart
ip link set far netns $machine
ip link set trunk up
nsenter -t $machine --net sh -c 'ip addr add 10.90.0.1/24 dev far && ip link set far up'

not tare network create -d macvlan lan 2>err
assert_contains "$(cat err)" 'parent'
tare network create -d macvlan -o parent=trunk --subnet 10.90.0.0/24 lan >/dev/null
tare run -d --name one --network lan busybox httpd -f -p 80 >/dev/null
tare run -d --name two --network lan busybox httpd -f -p 80 >/dev/null
reaches() { tare exec "$1" nc -w 3 "$2" 80 </dev/null >/dev/null 2>&1; }
eventually 5 reaches two 10.90.0.2
reaches one two || fail 'no name of the other'
nsenter -t $machine --net bash -c '</dev/tcp/10.90.0.3/80' || fail 'the segment does not reach a container'
! ip -o link | grep -q macvlan || fail 'a device on this side'

# Beside a bridge: that has the ports.
tare network connect bridge two
tare exec two ip -o link show eth1 | grep -q eth1 || fail 'no second interface'
tare network disconnect lan two
! tare exec two ip link show eth0 >/dev/null 2>&1 || fail 'the interface stays'
tare network connect --ip 10.90.0.77 lan two
eventually 5 reaches one 10.90.0.77

not tare network rm lan 2>err
assert_contains "$(cat err)" 'active endpoints'
tare rm -f one two >/dev/null
left() { [ -z "$(find "$TARE_ROOT"/networks/*/leases "$TARE_ROOT"/networks/*/endpoints -mindepth 1)" ]; }
eventually 5 left
ip link del trunk
exits 125 tare run --rm --network lan busybox true 2>err
assert_contains "$(cat err)" "'trunk'"
eventually 5 left
tare network rm lan >/dev/null
