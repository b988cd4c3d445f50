# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# Published ports: from this machine, from other containers by the host's address, IPv4 and IPv6, TCP and
# UDP; a port without an address is for this machine alone; ports of a running container change.
# as: root
# needs: ip nft curl
. "$TEST_LIB"
image_busybox

# A second address of this machine, as others would see it.
ip link add outside type veth peer name neighbour
ip addr add 192.0.2.1/24 dev outside
ip link set outside up
serve() {
  tare run -d --name "$1" "${@:2}" busybox sh -c "mkdir /w && echo $1 >/w/index.html && httpd -f -h /w -p 80" >/dev/null
}
gets() { curl -s -m 3 "$@"; }
is() { [ "$(gets "$2")" = "$1" ]; }

serve one -p 8080:80 -p 192.0.2.1:8081:80 -p any:8082:80 -p 80
eventually 5 is one http://127.0.0.1:8080/
is one 'http://[::1]:8080/' || fail 'not on ::1'
! gets http://192.0.2.1:8080/ || fail 'a port without an address is open to others'
is one http://192.0.2.1:8081/ || fail 'not at the address'
! gets http://127.0.0.1:8081/ || fail 'an address is not another'
is one http://192.0.2.1:8082/ || fail 'any is not all'
is one http://127.0.0.1:8082/ || fail 'any is not loopback'
port=$(tare port one 80/tcp | grep -v 808 | head -1)
is one "http://$port/" || fail "the port that was chosen, $port"
assert_contains "$(tare port one)" '80/tcp -> 127.0.0.1:8080'

# By the host's address from another container, and from the one itself.
# (busybox's own wget, static, ends by a signal where there is no C library.)
ask='printf "GET / HTTP/1.0\r\n\r\n" | nc -w 3'
tare run --rm busybox sh -c "$ask 192.0.2.1 8081" | grep -qx one || fail 'not from another container'
tare exec one sh -c "$ask 192.0.2.1 8081" | grep -qx one || fail 'not from itself'
not tare run --rm busybox nc -w 2 172.17.0.1 8080 </dev/null 2>/dev/null

# Taken is taken.
exits 125 tare run --rm -p 8080:80 busybox true 2>err
assert_contains "$(cat err)" '8080'
exits 125 tare run --rm -p 192.0.2.9:1:1 busybox true 2>err
! tare ps -a --format '{{.Names}}' | grep -qv one || true

# UDP.
tare run -d --name heard -p 5353:53/udp -v "$TEST_PROBES/probe-peer:/peer:ro" busybox /peer serve heard 53 >/dev/null
heard() { "$TEST_PROBES/probe-peer" ask udp 127.0.0.1 5353 500 | grep -q '^heard sees'; }
eventually 5 heard

# Changes while it runs.
tare update --publish-add 8090:80 one >/dev/null
is one http://127.0.0.1:8090/ || fail 'a port that was added'
is one http://127.0.0.1:8080/ || fail 'those that were there'
tare update --publish-rm 8081:80 one >/dev/null
! gets http://192.0.2.1:8081/ || fail 'a port that was removed'

# When it ends the ports are free, and open again when it starts.
tare stop -t 0 one >/dev/null
serve two -p 8080:80
eventually 5 is two http://127.0.0.1:8080/
tare rm -f one two heard >/dev/null
closed() { ! gets http://127.0.0.1:8080/ && ! nft list table inet tare | grep -q ' : 172.17.0.'; }
eventually 5 closed
