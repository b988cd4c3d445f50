# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# The way out of an ordinary user's networks: fifty short answers over IPv4 and over IPv6, from a server that
# closes at once, to a client that has said all; each is read once. Datagrams, and nothing of the host's
# loopback. The same when the service was killed; and by pasta, or a word about what is missing.
# as: user userns
# network: outside
# needs: ip nft slirp4netns pasta
. "$TEST_LIB"
[ -n "$(ip -4 addr show to 203.0.113.1)" ] || skip 'only root can make the host outside'
image_busybox

# answers COUNT ADDRESS WANTED: each is one line, and then the end.
answers() {
  local said
  said=$(tare exec one sh -c 'for i in $(seq "$1"); do echo hello | timeout 3 nc -w 2 "$2" 80 || echo "status $?"; done' sh "$1" "$2")
  [ "$(grep -cx "$3 asked" <<<"$said")" = "$1" ] && [ "$(wc -l <<<"$said")" = "$1" ]
}
by4() { answers "$1" 203.0.113.9 203.0.113.1; }
by6() { answers "$1" 2001:db8::9 2001:db8::1; }

tare run -d --name one busybox sleep 1000 >/dev/null 2>err
assert_eq "$(cat err)" ''
eventually 10 by4 1
by4 50 || fail 'not each answer once over IPv4'
eventually 10 by6 1
by6 50 || fail 'not each answer once over IPv6'
tare exec one nslookup web.test 203.0.113.9 | grep -q 203.0.113.9 || fail 'no datagrams'
(echo hello | timeout 3 busybox nc -l -p 8099 127.0.0.1) &
not tare exec one timeout 2 nc -w 1 10.0.2.2 8099 </dev/null
kill %1 2>/dev/null || true

# Both processes end at once, and slirp4netns with them.
pkill -STOP -f "^tare-net $TARE_ROOT"
pkill -KILL -f "^tare-net $TARE_ROOT"
tare ps >/dev/null
eventually 15 by4 1
eventually 10 by6 1
tare rm -f one >/dev/null

# Only a user who may mount can hide a program.
[ "$TEST_AS" = userns ] || exit 0
no_service() { ! pgrep -f "^tare-net $TARE_ROOT" >/dev/null; }
eventually 10 no_service
mount --bind /dev/null /usr/bin/slirp4netns
tare run -d --name one busybox sleep 1000 >/dev/null
# The pasta of Debian 12 repeats what comes when the client has said all.
by_pasta() { [ "$(tare exec one sh -c '(echo hello; sleep 2) | timeout 1 nc "$0" 80' "$1" | head -1)" = "$2 asked" ]; }
eventually 10 by_pasta 203.0.113.9 203.0.113.1
eventually 10 by_pasta 2001:db8::9 2001:db8::1
tare rm -f one >/dev/null
eventually 10 no_service
mount --bind /dev/null /usr/bin/pasta
tare run -d --name one busybox sleep 1000 2>err >/dev/null
assert_contains "$(cat err)" 'apt-get install slirp4netns'
