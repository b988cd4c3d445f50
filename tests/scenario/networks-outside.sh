# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# The way out: IPv4, IPv6 and names of the host's resolver from a container, seen outside as this machine;
# none of it from an internal network.
# network: outside
# needs: ip nft slirp4netns
. "$TEST_LIB"
[ -n "$(ip -4 addr show to 203.0.113.1)" ] || skip 'only root can make the host outside'
image_busybox

asks() { echo hello | timeout 5 tare exec -i "$1" nc -w 3 "$2" 80 2>/dev/null; }
tare run -d --name one busybox sleep 1000 >/dev/null
seen() { [ "$(asks one 203.0.113.9)" = '203.0.113.1 asked' ]; }
(eventually 20 seen) || fail "no way out: $(cat "$TARE_ROOT/networks/service.log" 2>/dev/null)"
eventually 10 eval '[ "$(asks one 2001:db8::9)" = "2001:db8::1 asked" ]'
tare exec one nslookup web.test 127.0.0.11 | grep -q 203.0.113.9 || fail 'the host knows a name'
! asks one nowhere.test || fail 'a name that is not there'

tare network create --internal inside >/dev/null
tare run -d --name two --network inside busybox sleep 1000 >/dev/null
tare run -d --name three --network inside busybox httpd -f -p 80 >/dev/null
tare exec two nc -w 3 three 80 </dev/null >/dev/null || fail 'the internal network does not connect'
! asks two 203.0.113.9 || fail 'an internal network leads outside'
! asks two web.test || fail 'an internal network leads outside by name'
! tare exec two nslookup web.test 127.0.0.11 2>&1 | grep -q 203.0.113.9 || fail 'an internal network asks outside'
