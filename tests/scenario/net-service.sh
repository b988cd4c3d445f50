# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2154,SC2012
# The network service: what a start hands over; killed, either of its processes comes back and goes
# on; one container that floods it does not keep others waiting.
# as: root userns
# needs: unshare nsenter ip dig ss pgrep
. "$TEST_LIB"
. "$(dirname "$TEST_LIB")/net.sh"
own_network
trap end_all EXIT

network front aa 10.1.1
for each in a1 a2 a3; do container $each; done
endpoint aa a1 one 10.1.1.2 ',"ports":[
  {"host":"127.0.0.1","hostPort":8080,"protocol":"tcp","containerPort":80},
  {"host":"0.0.0.0","hostPort":8081,"protocol":"udp","containerPort":81}]'
endpoint aa a2 two 10.1.1.3
name_server 127.0.0.1 1
start_service
eventually 5 serves a1

# Ports of a container that runs are had again.
listens() { [ -n "$(ss -Hltn 'src 127.0.0.1 and sport = 8080')" ] && [ -n "$(ss -Hlun 'sport = 8081')" ]; }
eventually 5 listens

# What a start hands over; nothing is answered before.
endpoint aa a3 three 10.1.1.4
assert_eq "$(ask a1 +short three)" 192.0.2.1
net_tool net-service hand-over "$STORE" "$(id aa)" "$(id a3)" "$PID_a3" >"$TMPDIR/ports"
eventually 5 serves a3
assert_eq "$PORT $TCP_PORT" "$(cat "$TMPDIR/ports")" 'the sockets of the start'
assert_eq "$(ask_at a3 +short one)" 10.1.1.2
assert_eq "$(ask_at a3 +short +tcp three)" 10.1.1.4
assert_eq "$(ask a1 +short three)" 10.1.1.4

# Records that change.
endpoint aa a3 three 10.1.1.4 ',"aliases":["renamed"]'
net_tool net-service changed "$STORE"
answers() { serves "$1" && [ "$(ask "$1" +short +time=1 "$2" 2>/dev/null)" = "$3" ]; }
eventually 5 answers a1 renamed 10.1.1.4

# Killed: the other process takes its place.
killed() { # worker or guard
  local pid
  pid=$(service_pids "$1")
  [ "$(wc -w <<<"$pid")" = 1 ] || fail "there is not one $1: '$pid'"
  kill -9 "$pid"
  replaced() { local now; now=$(service_pids "$2") && [ -n "$now" ] && [ "$now" != "$1" ]; }
  eventually 3 replaced "$pid" "$1"
}
guarded() { [ -n "$(service_pids guard)" ]; }
for which in worker guard worker; do
  eventually 3 guarded
  begin=$(date +%s%N)
  killed $which
  for each in a1 a2 a3; do eventually 5 answers $each renamed 10.1.1.4; done
  eventually 3 guarded
  eventually 5 listens
  assert_eq "$(nsenter -t "$PID_a1" --net ss -Hlun 'src 127.0.0.11' | wc -l)" 1 'services at work'
  echo "$which killed: back and answering after $((($(date +%s%N) - begin) / 1000000)) ms"
done

# A flood of one does not keep another waiting, and local names are answered fast.
nsenter -t "$PID_a2" --net "$TEST_PROBES/probe-dns-flood" 127.0.0.11 53 one 100000 64 | tee "$TMPDIR/flood"
nsenter -t "$PID_a2" --net "$TEST_PROBES/probe-dns-flood" 127.0.0.11 53 silent.example 5000 1000 >"$TMPDIR/silent" &
flood=$!
eventually 5 grep -q silent.example "$TMPDIR/ns-1"
for each in 1 2 3; do assert_eq "$(ask a1 +short +time=1 "fresh-$each.example")" 192.0.2.1 'beside a flood'; done
assert_eq "$(ask a1 +short +time=1 two)" 10.1.1.3
kill $flood 2>/dev/null || true
wait $flood 2>/dev/null || true
rate=$(sed -n 's/.* \([0-9]*\) a second/\1/p' "$TMPDIR/flood")
[ "$rate" -ge 10000 ] || fail "only $rate answers a second"
