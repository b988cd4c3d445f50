# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2012
# kill -9 of the command, the launching process or the keeper between any two steps of a start with a
# network and a published port, and of both processes of the network service: the next command takes away
# what is left of it, its port and name can be had again, and who runs beside it keeps names and ports.
# as: root
# needs: ip nft curl
. "$TEST_LIB"
image_busybox

tare network create back >/dev/null
serve='mkdir /w && echo hello >/w/index.html && exec httpd -f -h /w -p 80'
run_web() { echo run -d --name web --network back -p 8080:80 -p any:8081:80 --egress deny busybox sleep 1000; }
is_open() { [ "$(curl -s -m 2 "$1")" = hello ]; }
well() {
  is_open http://127.0.0.1:8090/ && is_open http://192.0.2.1:8091/ &&
    tare exec other nslookup beside 127.0.0.11 >/dev/null 2>&1
}
service_pids() { pgrep -f "^[^ ]*tare-net $TARE_ROOT\$" || true; }

ended() { [ -z "$(service_pids)" ]; }

# What there is of containers on networks: of those two, or of nothing.
veths() { ip -o link show type veth | grep -c ': veth' || true; }
leases() { find "$TARE_ROOT"/networks/*/leases -mindepth 1 | wc -l; }
endpoints() { find "$TARE_ROOT"/networks/*/endpoints -mindepth 1 ! -name '.*' | wc -l; }
led() { nft list table inet tare 2>/dev/null | grep -c '808[01]' || true; }
limits() { nft list table inet tare_egress 2>/dev/null | grep -c 'goto listed' || true; }
bound() { ss -Hltnu 'sport = 8080 or sport = 8081' | wc -l; }
left() { echo "veths $(veths) leases $(leases) endpoints $(endpoints) elements $(led) limits $(limits) sockets $(bound)"; }

at() {
  point=$1
  shift
  rm -f "$TMPDIR/hit"
  status=0
  (
    export TARE_FAILPOINT=$point TARE_FAILPOINT_HIT=$TMPDIR/hit PATH=$TEST_FAILPOINTS:$PATH
    timeout 30 "$@"
    exit $?
  ) >"$TMPDIR/out" 2>&1 || status=$?
  [ $status != 124 ] || fail "at $point: $* hangs"
  eventually 10 test -e "$TMPDIR/hit"
}
no_launchers() { ! readlink /proc/[0-9]*/exe 2>/dev/null | grep -qx "$TEST_FAILPOINTS/tare"; }

# One that runs has all; of any other there is nothing after one command.
settled() {
  tare ps -a >/dev/null || fail "ps after $point"
  state=$(tare inspect --format '{{.State.Status}}' web 2>/dev/null) || state=gone
  if [ "$state" = running ]; then
    [ "$(left)" = "$whole" ]
  else
    [ "$(left)" = "$nothing" ]
  fi
}
settles() {
  for ((tries = 0; ; tries++)); do
    ! settled || break
    [ $tries -lt 100 ] || fail "after $point it is $state, and there are: $(left), not $nothing; $(tare ps -a)"
    sleep 0.05
  done
}
recovered() {
  eventually 10 no_launchers
  settles
  [ "$state" = gone ] || tare rm -f web >/dev/null || fail "rm -f after $point"
  # Its name, its port, its addresses.
  # shellcheck disable=SC2046
  tare $(run_web) >/dev/null || fail "cannot be started again after $point"
  tare rm -f web >/dev/null
  settles
  [ $beside = 0 ] || well || fail "after $point the others have no names or ports"
}

points=(start.leased start.networks start.forked launcher.begin launcher.device
  launcher.interface launcher.launched launcher.endpoint launcher.published launcher.recorded launcher.reported keeper.begin
  launcher.interface:parent launcher.published:parent)

# What there is with it, and without.
measure() {
  point='the start of others'
  # shellcheck disable=SC2046
  tare $(run_web) >/dev/null
  whole=$(left)
  tare rm -f web >/dev/null
  settles
}

# Alone: there is no service that would see it.
beside=0
nothing='veths 0 leases 0 endpoints 0 elements 0 limits 0 sockets 0'
measure
for p in "${points[@]}"; do
  # shellcheck disable=SC2046
  at "$p" tare $(run_web)
  recovered
done

# Beside two that run.
ip link add outside type veth peer name neighbour
ip addr add 192.0.2.1/24 dev outside
ip link set outside up
tare run -d --name beside --network back -p 8090:80 -p 192.0.2.1:8091:80 busybox sh -c "$serve" >/dev/null
tare run -d --name other --network back busybox sleep 1000 >/dev/null
eventually 5 well
beside=2
nothing=$(left)
measure
for p in "${points[@]}"; do
  # shellcheck disable=SC2046
  at "$p" tare $(run_web)
  recovered
done

# The keeper of one that runs.
# shellcheck disable=SC2046
tare $(run_web) >/dev/null
point='the end of its keeper'
kill -9 "$(sed -n 's/^keeper_pid=//p' "$TARE_ROOT/containers/$(tare inspect --format '{{.Id}}' web)/started")"
recovered

# Both processes of the service, while one runs and while none looks that one ends.
for p in runs ends; do
  point="the end of the service, while one $p"
  # shellcheck disable=SC2046
  tare $(run_web) >/dev/null
  pids=$(service_pids)
  [ "$(wc -w <<<"$pids")" = 2 ] || fail "processes of the service: '$pids'"
  # shellcheck disable=SC2086
  kill -STOP $pids  # So that neither has time to make another.
  # shellcheck disable=SC2086
  kill -9 $pids
  eventually 5 ended
  [ $p = runs ] || kill -9 "$(tare inspect --format '{{.State.Pid}}' web)"
  tare ps >/dev/null
  eventually 10 well
  recovered
done
tare rm -f beside other >/dev/null
nothing='veths 0 leases 0 endpoints 0 elements 0 limits 0 sockets 0'
beside=0
settles
