# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# Published ports of an ordinary user: of loopback, of all addresses, UDP; taken ones; kept while the service
# is killed; changed while the container runs.
# as: user userns
# needs: ip nft curl
. "$TEST_LIB"
image_busybox

is() { [ "$(curl -s -m 3 "$2")" = "$1" ]; }
serve() {
  tare run -d --name "$1" "${@:2}" busybox sh -c "mkdir /w && echo $1 >/w/index.html && httpd -f -h /w -p 80" >/dev/null
}
serve one -p 8080:80 -p any:8082:80
eventually 5 is one http://127.0.0.1:8080/
is one 'http://[::1]:8080/' || fail 'not on ::1'
is one http://127.0.0.1:8082/ || fail 'any is not loopback'
exits 125 tare run --rm -p 8080:80 busybox true 2>err
assert_contains "$(cat err)" 8080

# From another container by name, and nothing else of the host's loopback.
tare network create back >/dev/null
serve two --network back
tare run --rm --network back busybox nc -w 2 two 80 </dev/null >/dev/null || fail 'not by name'
not tare run --rm busybox nc -w 2 172.17.0.1 8080 </dev/null 2>/dev/null

tare run -d --name heard -p 5353:53/udp -v "$TEST_PROBES/probe-peer:/peer:ro" busybox /peer serve heard 53 >/dev/null
heard() { "$TEST_PROBES/probe-peer" ask udp 127.0.0.1 5353 500 | grep -q '^heard sees'; }
eventually 5 heard

tare update --publish-add 8090:80 one >/dev/null
eventually 5 is one http://127.0.0.1:8090/
tare update --publish-rm 8080:80 one >/dev/null
not curl -s -m 3 http://127.0.0.1:8080/
is one http://127.0.0.1:8090/ || fail 'the port that was added'

# Both processes of the service at once: the next command starts it again.
# (Stopped first, or one of them may make another in between.)
pkill -STOP -f "^tare-net $TARE_ROOT"
pkill -KILL -f "^tare-net $TARE_ROOT"
tare ps >/dev/null
eventually 15 is one http://127.0.0.1:8090/
tare run --rm --network back busybox nc -w 2 two 80 </dev/null >/dev/null || fail 'no names after the service was killed'
