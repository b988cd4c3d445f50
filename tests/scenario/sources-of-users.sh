# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# Published ports of an ordinary user: the container sees who asks, by TCP and UDP, IPv4 and IPv6; of who asks
# over loopback it sees the bridge, and another container over the host as the host. Also when the service was
# killed.
# as: user userns
# network: outside
# needs: ip nft slirp4netns
. "$TEST_LIB"
[ -n "$(ip -4 addr show to 203.0.113.1)" ] || skip 'only root can make the host outside'
image_busybox
peer=$TEST_PROBES/probe-peer

# outside KIND SERVER PORT: what the host outside gets from a port of ours.
outside() { echo "ask $1 $3" | timeout 4 busybox nc "$2" 80; }
ports=(-p any:8080:80 -p any:8080:80/udp)
tare run -d --name seen "${ports[@]}" -v "$peer:/peer:ro" busybox /peer serve seen 80 >/dev/null
answers() { [ "$(outside tcp 203.0.113.9 8080)" = 'seen sees 203.0.113.9' ]; }
eventually 10 answers
sees_all() {
  local kind
  for kind in tcp udp; do
    assert_eq "$(outside $kind 203.0.113.9 8080)" 'seen sees 203.0.113.9'
    assert_eq "$(outside $kind 2001:db8::9 8080)" 'seen sees 2001:db8::9'
    assert_eq "$("$peer" ask $kind 203.0.113.1 8080 2000)" 'seen sees 203.0.113.1'
    assert_eq "$("$peer" ask $kind 2001:db8::1 8080 2000)" 'seen sees 2001:db8::1'
    assert_eq "$("$peer" ask $kind 127.0.0.1 8080 2000)" "seen sees $gateway"
  done
}
gateway=$(tare network inspect bridge --format '{{(index .IPAM.Config 0).Gateway}}')
sees_all
asks() { tare run --rm -v "$peer:/peer:ro" busybox /peer ask tcp "$1" 8080 3000; }
[ "$(eventually 10 asks 203.0.113.1)" = 'seen sees 203.0.113.1' ] || fail 'a container over the host'

# Many at once, from one client.
for ((i = 0; i < 100; i++)); do outside tcp 203.0.113.9 8080 >"$TMPDIR/many-$i" & done
wait
assert_eq "$(cat "$TMPDIR"/many-* | grep -cx 'seen sees 203.0.113.9')" 100

pkill -STOP -f "^tare-net $TARE_ROOT"
pkill -KILL -f "^tare-net $TARE_ROOT"
tare ps >/dev/null
eventually 15 answers
sees_all
