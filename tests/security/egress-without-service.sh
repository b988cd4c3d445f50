# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# Attack: the service behind --egress is killed, and the rules are flushed. What is not on the list is not
# reached, what is on it is again, and a container whose list cannot be kept does not start. Nothing stays
# of those that ended, and who gets their addresses is not limited by their lists.
# as: root
# network: outside
# needs: ip nft pgrep
. "$TEST_LIB"
[ -n "$(ip -4 addr show to 203.0.113.1)" ] || skip 'only root can make the host outside'
image_busybox

tcp() { [[ $(echo x | timeout 6 tare exec -i "$1" nc -w 2 "$2" "${3:-80}" 2>/dev/null) == *asked* ]]; }
cannot() { ! tcp "$@" || fail "reached: $*"; }
service_pids() {
  local pid
  for pid in $(pgrep -x tare-net) $(pgrep -x tare-net-guard); do
    if tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" | grep -qxF "$TARE_ROOT"; then echo "$pid"; fi
  done
}
service_is_back() { [ "$(service_pids | wc -l)" = 2 ]; }

tare run -d --name list --egress web.test busybox sleep 1000 >/dev/null
tcp list web.test || fail 'what is listed is not reached'

# Nobody is there: what was open is for its time, nothing more opens.
for pid in $(service_pids); do kill -STOP "$pid"; done
for pid in $(service_pids); do kill -9 "$pid"; done
cannot list other.test
cannot list 203.0.113.10
# The next command starts it again, with the list.
tare ps >/dev/null
eventually 10 service_is_back
eventually 10 tcp list web.test
cannot list other.test
cannot list 203.0.113.10
# One of its two processes alone: the other makes it anew.
kill -9 "$(service_pids | head -1)"
eventually 10 service_is_back
eventually 10 tcp list web.test
cannot list 203.0.113.10

# Flushed, all of it and one of the two tables; a chain; and a connection that is there goes on.
rules_are_whole() {
  nft list chain inet tare_egress listed4 2>/dev/null | grep -q begin4 &&
    nft list map inet tare_egress containers4 2>/dev/null | grep -q listed4 &&
    nft list set bridge tare_egress pinned 2>/dev/null | grep -q veth
}
for damage in 'flush ruleset' 'delete table inet tare_egress' 'delete table bridge tare_egress' \
  'flush chain inet tare_egress listed4'; do
  tcp list web.test
  # shellcheck disable=SC2086  # Words.
  nft $damage
  eventually 5 rules_are_whole
  cannot list 203.0.113.10
  # What its name had opened is open again, without that it asks.
  tcp list 203.0.113.9 || fail "after '$damage' what was open is shut"
done
# What was begun while there were no rules does not go on when they are back.
is_connected() { tare exec list netstat -tn | grep -q '203.0.113.10:80.*ESTABLISHED'; }
worker=$(for pid in $(service_pids); do [ "$(cat "/proc/$pid/comm")" != tare-net ] || echo "$pid"; done)
kill -STOP "$worker"
nft flush ruleset
nft 'add table ip other; add chain ip other post { type nat hook postrouting priority 90; }; add rule ip other post oifname eth0 masquerade'
mkfifo "$TMPDIR/in"
tare exec -i list nc -w 5 203.0.113.10 80 <"$TMPDIR/in" >"$TMPDIR/out" 2>/dev/null &
exec 5>"$TMPDIR/in"
eventually 5 is_connected
kill -CONT "$worker"
eventually 5 rules_are_whole
eventually 5 eval 'nft list chain inet tare nat_postrouting >"$TMPDIR/rules" 2>&1'
echo x >&5
exec 5>&-
wait $! || true
assert_eq "$(cat "$TMPDIR/out")" '' 'what came by a connection that was begun without rules'
nft delete table ip other

# A list that cannot be kept: no start. The same container starts when it can.
tare rm -f list >/dev/null
nft delete table inet tare_egress
nft delete table bridge tare_egress
nft add table bridge tare_egress
nft add chain bridge tare_egress keep
tare create --name shut --egress web.test busybox sleep 1000 >/dev/null
not unshare --mount sh -c 'mount --bind /bin/false "$(readlink -f "$(command -v nft)")" && exec tare start shut' 2>"$TMPDIR/error"
assert_contains "$(cat "$TMPDIR/error")" --egress
assert_eq "$(tare inspect --format '{{.State.Running}}' shut)" false
tare start shut >/dev/null
cannot shut 203.0.113.10

# Those who have its address afterwards.
address=$(tare inspect --format '{{.NetworkSettings.IPAddress}}' shut)
tare rm -f shut >/dev/null
tare run -d --name next busybox sleep 1000 >/dev/null
assert_eq "$(tare inspect --format '{{.NetworkSettings.IPAddress}}' next)" "$address"
eventually 5 tcp next other.test
nothing_is_left() { ! nft list table inet tare_egress | grep -q "$address" && ! nft list table bridge tare_egress | grep -q "$address"; }
eventually 5 nothing_is_left
