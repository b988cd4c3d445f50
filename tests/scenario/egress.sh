# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# --egress: a container reaches what is on its list, by name and by address, and nothing else; what it asked
# for is written down.
# network: outside
# needs: ip nft pasta
. "$TEST_LIB"
[ -n "$(ip -4 addr show to 203.0.113.1)" ] || skip 'only root can make the host outside'
image_busybox

# One line of it: the pasta of Debian 12 sometimes repeats what comes by TCP, and does not end.
asks() {
  local line=''
  read -r -t 6 line < <(echo hello | timeout 5 tare exec -i "$1" nc -w 3 "$2" "${3:-80}" 2>/dev/null) || true
  echo "$line"
}
reaches() { [[ $(asks "$@") == *asked ]]; }
cannot() { ! reaches "$@" || fail "reaches $2 ${3-}"; }
log_has() { tare net log "$1" | grep -Eq "$2"; }

tare run -d --name free busybox sleep 1000 >/dev/null
eventually 40 reaches free 203.0.113.9
tare run -d --name list --egress 'web.test:80,*.wild.test' --egress alias.test:443 busybox sleep 1000 >/dev/null
reaches list web.test || fail 'a listed name is not reached'
cannot list web.test 443
reaches list a.b.wild.test || fail 'a name below a wild card is not reached'
reaches list a.b.wild.test 443 || fail 'all ports of a name'
cannot list wild.test
cannot list other.test
reaches list alias.test 443 || fail 'an alias of a listed name'
not tare exec list nslookup other.test 127.0.0.11 >/dev/null
# musl and glibc take that for the last word.
assert_contains "$(tare exec list nslookup other.test 127.0.0.11 2>&1 || true)" NXDOMAIN
reaches free other.test || fail 'a container without a list is limited'

# Refused at once, not after a time.
begin=$SECONDS
not tare exec list nc -w 5 203.0.113.9 81 </dev/null 2>/dev/null
[ $((SECONDS - begin)) -lt 4 ] || fail 'a refusal is waited for'

eventually 10 log_has list 'allowed +web.test +[0-9]+ +listed as web.test:80'
eventually 10 log_has list 'refused +other.test +[0-9]+ +not on the list'
eventually 10 log_has list 'allowed +203.0.113.9:80/tcp +[0-9]+ +as web.test'
eventually 10 log_has list 'refused +203.0.113.9:81/tcp +[0-9]+ '
tare net log --json list | grep '"What":"other.test"' | grep -q '"Verdict":"refused"'
not tare net log free 2>/dev/null
assert_eq "$(tare inspect --format '{{join .HostConfig.Egress ","}}' list)" 'web.test:80,*.wild.test,alias.test:443'

# Addresses, and none at all; its own network stays.
tare network create inner >/dev/null
tare run -d --name peer --network inner busybox httpd -f -p 80 >/dev/null
tare run -d --name fixed --network inner --egress 203.0.113.9:80 busybox sleep 1000 >/dev/null
tare run -d --name none --network inner --egress deny -p 8080:80 busybox httpd -f -p 80 >/dev/null
reaches fixed 203.0.113.9 || fail 'a listed address is not reached'
cannot fixed 203.0.113.9 443
cannot fixed 203.0.113.10
cannot none 203.0.113.9
cannot none web.test
for each in fixed none; do
  tare exec "$each" nc -w 3 peer 80 </dev/null || fail "$each does not reach its neighbour"
done
# What is published is answered.
exec 3<>/dev/tcp/127.0.0.1/8080
printf 'GET / HTTP/1.0\r\n\r\n' >&3
grep -q 404 <&3 || fail 'a published port is not answered'
exec 3>&-

# Written down only; and a list that is changed while it runs.
tare run -d --name noted --egress allow busybox sleep 1000 >/dev/null
reaches noted other.test
eventually 10 log_has noted 'allowed +other.test +[0-9]+ +everything is allowed'
eventually 10 log_has noted 'allowed +203.0.113.10:80/tcp +[0-9]+ +as other.test'
tare update --egress web.test noted
cannot noted other.test
reaches noted web.test
tare update --egress other.test noted
reaches noted other.test || fail 'the new list does not hold'
cannot noted 203.0.113.9
tare update --egress deny free
cannot free web.test

# The ledger goes with the container, the elements too.
tare rm -f list free fixed none noted peer >/dev/null

for word in '*' 10.0.0.300 'a:0' 'deny,web.test' 'http://web.test'; do
  not tare run --rm --egress "$word" busybox true 2>"$TMPDIR/error"
  assert_contains "$(cat "$TMPDIR/error")" 'hint'
done
for mode in host none container:peer; do
  not tare run --rm --network $mode --egress deny busybox true 2>"$TMPDIR/error"
  assert_contains "$(cat "$TMPDIR/error")" '--egress'
done
