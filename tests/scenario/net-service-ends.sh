# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2154,SC2012
# What a container leaves when it ends, however it ends, the network service removes; when there has
# been none for a while it ends itself, and the next start starts it.
# as: root userns
# needs: unshare nsenter ip dig ss pgrep nft
. "$TEST_LIB"
. "$(dirname "$TEST_LIB")/net.sh"
own_network
trap end_all EXIT

network front aa 10.1.1
for each in a1 a2 a3; do container $each; done
endpoint aa a1 one 10.1.1.2
endpoint aa a2 two 10.1.1.3
endpoint aa a3 three 10.1.1.4 ',"ports":[
  {"host":"0.0.0.0","hostPort":8081,"protocol":"udp","containerPort":81}]'
mkdir "$STORE/networks/$(id aa)/leases"
lease() { ln -sfn "$(id "$1")" "$STORE/networks/$(id aa)/leases/$2"; }
lease a1 10.1.1.2
lease a2 10.1.1.3
lease a3 10.1.1.4
# The leases are older than the records, as a start makes them.
for each in a1 a2 a3; do touch "$STORE/networks/$(id aa)/endpoints/$(id $each)"; done
name_server 127.0.0.1 1
start_service
eventually 5 serves a1
answers() { serves "$1" && [ "$(ask "$1" +short +time=1 "$2" 2>/dev/null)" = "$3" ]; }
eventually 5 answers a1 three 10.1.1.4
is_published() { nft list table inet tare 2>/dev/null | grep -q 'udp . 8081 : 10.1.1.4 . 81'; }
is_held() { [ -n "$(ss -Hlun 'sport = 8081')" ]; }
eventually 5 is_published
eventually 5 is_held
# Somebody removes all rules: they come back.
nft flush ruleset
eventually 5 is_published

# A container ends: its record goes, its name too.
kill -9 "$PID_a3"
eventually 5 test ! -e "$STORE/networks/$(id aa)/endpoints/$(id a3)"
eventually 5 answers a1 three 192.0.2.1
not is_published
not is_held
assert_eq "$(ls "$STORE/networks/$(id aa)/leases" | tr '\n' ' ')" '10.1.1.2 10.1.1.3 '
# A record that another start has written by then stays.
endpoint aa a2 two 10.1.1.3
sed -i 's/"pidStart":"/&9/' "$STORE/networks/$(id aa)/endpoints/$(id a2)"
kill -9 "$PID_a2"
eventually 5 answers a1 two 192.0.2.1
[ -e "$STORE/networks/$(id aa)/endpoints/$(id a2)" ] || fail 'the record of a later start was removed'
[ -L "$STORE/networks/$(id aa)/leases/10.1.1.3" ] || fail 'the address of a later start was removed'
rm "$STORE/networks/$(id aa)/endpoints/$(id a2)"
# One that starts again has its address and no record yet.
lease a1 10.1.1.9

# The last one ends: so does the service, and its socket.
kill -9 "$PID_a1"
eventually 5 test ! -e "$STORE/networks/$(id aa)/endpoints/$(id a1)"
assert_eq "$(ls "$STORE/networks/$(id aa)/leases" | tr '\n' ' ')" '10.1.1.3 10.1.1.9 '
service_ended() { [ -z "$(service_pids worker)$(service_pids guard)" ]; }
eventually 14 service_ended
[ ! -e "$STORE/networks/service" ] || fail 'the socket is still there'
assert_eq "$(ls "$STORE/networks/$(id aa)/endpoints")" ''
# Addresses that nobody has or is about to have are free by then.
assert_eq "$(ls "$STORE/networks/$(id aa)/leases")" ''

container a4
endpoint aa a4 four 10.1.1.5
start_service
eventually 5 serves a4
assert_eq "$(ask a4 +short four)" 10.1.1.5
assert_eq "$(cat "$STORE/networks/service.log")" ''
