# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2154,SC2012
# What containers are answered: names of who is on their networks, and what other servers say.
# as: root userns
# needs: unshare nsenter ip dig ss pgrep
. "$TEST_LIB"
. "$(dirname "$TEST_LIB")/net.sh"
own_network
trap end_all EXIT

network front aa 10.1.1 '' fd00:1
network back bb 10.1.2 ',"internal":true'
network bridge dd 10.1.3
for each in a1 a2 b1 d1 d2; do container $each; done
endpoint aa a1 Web 10.1.1.2 ',"aliases":["www","service"],"v6":"fd00:1::2"'
endpoint aa a2 other 10.1.1.3 ',"aliases":["service"],"links":{"peer":"'"$(id a1)"'"}'
endpoint bb a2 other 10.1.2.3 ',"gateway":false'
endpoint bb b1 hidden 10.1.2.2
endpoint dd d1 one 10.1.3.2 ',"links":{"linked":"'"$(id d2)"'"}'
endpoint dd d2 two 10.1.3.3 ',"dns":["127.0.0.2"]'
name_server 127.0.0.1 1
name_server 127.0.0.2 2
start_service
for each in a1 a2 b1 d1 d2; do eventually 5 serves $each; done

short() { ask "$@" +short; }
status() { ask "$@" | sed -n 's/.*status: \([A-Z]*\),.*/\1/p'; }
assert_eq "$(short a1 other)" 10.1.1.3
assert_eq "$(short a1 OTHER.)" 10.1.1.3
assert_eq "$(short a1 wEB AAAA)" fd00:1::2
assert_contains "$(ask a1 wEB)" 'wEB.'
assert_eq "$(short a1 www)" 10.1.1.2
assert_eq "$(short a1 "a1${PAD:-0000000000}")" 10.1.1.2 'the short id'
assert_eq "$(short a1 other.front)" 10.1.1.3
assert_eq "$(short a1 -x 10.1.1.2)" Web.front.
assert_eq "$(short a1 -x fd00:1::2)" Web.front.
assert_eq "$(short a1 host.docker.internal)" 10.1.1.1
assert_eq "$(short a1 +tcp other)" 10.1.1.3
assert_eq "$(status a1 other AAAA)" NOERROR 'a name without an address of the family'
assert_eq "$(short a1 other AAAA)" ''
assert_eq "$(status a1 other MX)" NOERROR
assert_eq "$(status a1 -x 10.1.1.99)" NXDOMAIN 'nobody has the address'
assert_contains "$(ask a1 +bufsize=1400 other)" 'EDNS: version: 0'
assert_contains "$(ask a1 +edns=1 +noednsneg other)" BADVERS
# One after the other comes first.
firsts=$(for _ in 1 2 3 4; do short a1 service | head -1; short a1 service AAAA >"$TMPDIR/out"; done | sort | uniq -c | awk '{print $1}' | tr '\n' ' ')
assert_eq "$firsts" '2 2 '

# Others have no names here: they are forwarded like any.
assert_eq "$(status b1 web)" NXDOMAIN 'of an internal network nothing leaves'
assert_eq "$(status b1 example.com)" NXDOMAIN
assert_eq "$(status b1 +tcp leak.example)" NXDOMAIN
assert_eq "$(short b1 other)" 10.1.2.3
assert_eq "$(short d1 linked)" 10.1.3.3
assert_eq "$(short d1 two)" 192.0.2.1 'no names on the default network'
assert_eq "$(short a2 peer)" 10.1.1.2
assert_eq "$(short a2 hidden)" 10.1.2.2
assert_eq "$(short a1 peer)" 192.0.2.1 "somebody else's link"
assert_eq "$(short a1 hidden)" 192.0.2.1 "a name of a network that it is not on"

# Forwarding.
assert_eq "$(short a1 Some.Example)" 192.0.2.1
assert_eq "$(short a1 soME.exaMPLE)" 192.0.2.1
assert_contains "$(ask a1 soME.exaMPLE)" 'soME.exaMPLE.'
assert_eq "$(grep -ci 'some.example' "$TMPDIR/ns-1")" 1 'answers are kept'
assert_eq "$(status a1 none.example)" NXDOMAIN
assert_eq "$(status a1 fails.example)" SERVFAIL
assert_eq "$(short a1 forged.example)" 192.0.2.1
assert_contains "$(ask a1 +ignore large.example)" ' tc '
assert_eq "$(short a1 +tcp large.example | wc -l)" 200
assert_eq "$(short a1 large.example | wc -l)" 200 'dig asks again by TCP'
assert_eq "$(short d2 own.example)" 192.0.2.2 'its own name server'
not grep -q own.example "$TMPDIR/ns-1"
not grep -Eq 'leak|web|other' "$TMPDIR/ns-1" "$TMPDIR/ns-2"

# The next server is asked when one does not answer; other servers are found in a changed file.
printf 'nameserver 127.0.0.3\nnameserver 127.0.0.2\n' >"$STORE/networks/resolv.conf"
assert_eq "$(short a1 next.example)" 192.0.2.2
echo '# none' >"$STORE/networks/resolv.conf"
assert_eq "$(status a1 nobody.example)" SERVFAIL
assert_eq "$(short a1 other)" 10.1.1.3
