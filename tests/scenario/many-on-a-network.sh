# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2046
# A hundred containers on one network, started ten at a time: each has an address of its own and reaches
# the first by name; all are removed at once, and nothing is left.
# as: root
# needs: ip
. "$TEST_LIB"
image_busybox
count=${MANY:-100}

tare network create crowd >/dev/null
tare run -d --name first --network crowd busybox httpd -f -p 7000 >/dev/null
since() { echo "$1: $((($(date +%s%N) - begin) / 1000000)) ms"; }

begin=$(date +%s%N)
seq 2 "$count" | xargs -P 10 -I N tare run -d --name cN --network crowd busybox sleep 1000 >started || fail 'a start fails'
since "$count started"
assert_eq "$(tare ps -q | wc -l)" "$count" 'containers'
tare inspect --format '{{.NetworkSettings.Networks.crowd.IPAddress}}' $(tare ps -q) >addresses
assert_eq "$(sort -u addresses | grep -c '^172\.')" "$count" 'addresses of their own'

first=$(tare inspect --format '{{.NetworkSettings.Networks.crowd.IPAddress}}' first)
begin=$(date +%s%N)
asks='nc -w 5 first 7000 </dev/null && nslookup first 127.0.0.11 | grep -q "'$first'" && echo reached'
seq 2 "$count" | xargs -P 10 -I N tare exec cN sh -c "$asks" >reached || fail "not all reach the first: $(wc -l <reached)"
since 'all asked the first'
assert_eq "$(wc -l <reached)" $((count - 1))
tare exec first nslookup "c$count" 127.0.0.11 >/dev/null || fail 'the last has no name'

begin=$(date +%s%N)
tare rm -f $(tare ps -q) >/dev/null
since 'all removed'
left() {
  [ -z "$(ip -o link show type veth)" ] &&
    [ -z "$(find "$TARE_ROOT"/networks/*/leases "$TARE_ROOT"/networks/*/endpoints -mindepth 1)" ]
}
eventually 5 left
tare network rm crowd >/dev/null
! ip -o link show type bridge | grep -v ': tare0:' || fail 'bridges stay'
[ ! -s "$TARE_ROOT/networks/service.log" ] || fail "the service complains: $(cat "$TARE_ROOT/networks/service.log")"
