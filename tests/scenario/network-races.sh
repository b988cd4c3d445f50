# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2046
# Many at once: of those that make or remove a network of one name, want one port or one address, one wins
# and the others say why not; a network is not removed under a start; what changes a container at the same
# time is all there afterwards.
# as: root
# needs: ip nft
. "$TEST_LIB"
image_busybox

# both N COMMAND...: N times at once, I is the number; statuses in results, what they say in said.
at_once() {
  local n=$1 i
  shift
  rm -f said-* status-*
  for ((i = 0; i < n; i++)); do
    (
      status=0
      "${@//NUMBER/$i}" >"said-$i" 2>&1 || status=$?
      echo $status >"status-$i"
    ) &
  done
  wait $(jobs -p)
}
winners() { cat status-* | grep -cx 0; }
# losers N TEXT: that many, each of which says so.
losers() {
  [ "$(grep -l -e "$2" said-* | wc -l)" = "$1" ] || fail "not $1 say '$2': $(cat said-*)"
}
nothing_stays() {
  [ -z "$(ip -o link show type veth)" ] && [ -z "$(bridges)" ] &&
    [ -z "$(find "$TARE_ROOT"/networks/*/leases "$TARE_ROOT"/networks/*/endpoints -mindepth 1 2>/dev/null)" ] &&
    ! nft list table inet tare 2>/dev/null | grep -q br-
}
bridges() { ip -o link show type bridge | grep -v ': tare' || true; }

# One name.
at_once 20 tare network create one
assert_eq "$(winners)" 1 'that make it'
losers 19 'already exists'
at_once 20 tare network rm one
assert_eq "$(winners)" 1 'that remove it'
losers 19 'not found'
# Different ones have different subnets.
at_once 20 tare network create net-NUMBER
assert_eq "$(winners)" 20 'that make one'
assert_eq "$(tare network inspect --format '{{(index .IPAM.Config 0).Subnet}}' $(seq -f net-%g 0 19) | sort -u | wc -l)" 20 subnets
tare network rm $(seq -f net-%g 0 19) >/dev/null

# One port, and one address.
at_once 10 tare run -d --name port-NUMBER -p 8080:80 busybox sleep 1000
assert_eq "$(winners)" 1 'that have the port'
losers 9 '8080/tcp is taken already'
tare rm -f $(tare ps -aq) >/dev/null
tare network create --subnet 10.81.0.0/24 fixed >/dev/null
at_once 10 tare run -d --name ip-NUMBER --network fixed --ip 10.81.0.9 busybox sleep 1000
assert_eq "$(winners)" 1 'that have the address'
losers 9 "address 10.81.0.9 of network"
tare rm -f $(tare ps -aq) >/dev/null
tare network rm fixed >/dev/null
eventually 5 nothing_stays

# A network that is removed while containers start on it: they run on it, or it is gone.
for i in 1 2 3 4 5 6 7 8; do
  tare network create brief >/dev/null
  tare create --name starts --network brief busybox sleep 1000 >/dev/null
  tare start starts >out-start 2>&1 &
  start=$!
  [ $((i % 2)) = 0 ] || tare network inspect brief >/dev/null
  removed=0
  tare network rm brief >out-rm 2>&1 || removed=$?
  started=0
  wait $start || started=$?
  case $removed-$started in
    0-0) fail 'the network of a container that runs is gone' ;;
    *-0)
      assert_contains "$(cat out-rm)" 'brief'
      assert_contains "$(cat out-rm)" 'active endpoints'
      tare exec starts ip addr show eth0 >/dev/null || fail 'it runs without its network'
      ;;
    0-*) assert_contains "$(cat out-start)" 'not there any more' ;;
    *) fail "neither: $(cat out-rm out-start)" ;;
  esac
  tare rm -f starts >/dev/null
  [ $removed = 0 ] || tare network rm brief >/dev/null
done
eventually 5 nothing_stays

# Changes of one container at once are all made.
for i in fixed $(seq -f many-%g 0 5); do tare network create "$i" >/dev/null; done
web=$(tare run -d --name web --network fixed busybox sleep 1000)
at_once 6 tare network connect many-NUMBER "$web" &
connecting=$!
for i in 0 1 2 3; do tare rename $([ $((i % 2)) = 0 ] && echo web other || echo other web) >/dev/null || fail "it cannot be renamed"; done
wait $connecting
assert_eq "$(winners)" 6 'connections'
networks() { tare inspect --format '{{json .NetworkSettings.Networks}}' "$1" | grep -o '"many-[0-9]"' | sort -u | wc -l; }
assert_eq "$(networks web)" 6 'networks after that'
tare ps -a >/dev/null
status_is web running || fail 'its name is lost'
at_once 6 tare update --publish-add 809NUMBER:80 web
assert_eq "$(winners)" 6 'ports'
assert_eq "$(tare port web | grep -c '127.0.0.1:809')" 6 'ports after that'
at_once 6 tare network disconnect many-NUMBER web
assert_eq "$(winners)" 6 'disconnections'
assert_eq "$(networks web)" 0 'networks after that'

# While it stops and starts: whoever wins, what is told is what is so.
for i in 1 2 3 4; do
  (tare stop -t 0 web && tare start web) >/dev/null 2>&1 &
  restart=$!
  tare network connect many-0 web >/dev/null 2>&1 || true
  tare update --publish-add 8070:80 web >/dev/null 2>&1 || true
  tare network disconnect many-0 web >/dev/null 2>&1 || true
  tare update --publish-rm 8070:80 web >/dev/null 2>&1 || true
  wait $restart
  tare stop -t 0 web >/dev/null
  tare start web >/dev/null || fail 'it does not start'
  inside=$(tare exec web ip -o link | grep -c ': eth')
  assert_eq "$inside" "$(tare inspect --format '{{len .NetworkSettings.Networks}}' web)" 'interfaces'
done
tare rm -f web >/dev/null
tare network rm fixed $(seq -f many-%g 0 5) >/dev/null
eventually 5 nothing_stays
