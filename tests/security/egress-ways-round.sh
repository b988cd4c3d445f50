# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# Attack: a program in a container with --egress looks for ways round its list: raw addresses, other name
# servers, names that lead to this machine, to others' networks or to metadata services, what others were
# answered, a neighbour's address as its own, IPv6, and other protocols.
# as: root
# network: outside
# needs: ip nft nsenter dig
. "$TEST_LIB"
[ -n "$(ip -4 addr show to 203.0.113.1)" ] || skip 'only root can make the host outside'
image_busybox
peer=$TEST_PROBES/probe-peer

# inside CONTAINER COMMAND...: in its network, with all rights over it, as --cap-add gives them.
inside() {
  local pid
  pid=$(tare inspect --format '{{.State.Pid}}' "$1")
  nsenter --net="/proc/$pid/ns/net" -- "${@:2}"
}
asks() { inside "$1" timeout 4 "$peer" ask "$2" "$3" "$4" 1000 2>/dev/null; }
tcp() { [[ $(echo x | timeout 6 tare exec -i "$1" nc -w 2 "$2" "$3" 2>/dev/null) == *asked* ]]; }
cannot() { ! tcp "$@" || fail "reached: $*"; }
address() { tare inspect --format '{{.NetworkSettings.IPAddress}}' "$1"; }
status() { inside "$1" dig +tries=1 +time=2 "${@:2}" | sed -n 's/.*status: \([A-Z]*\),.*/\1/p'; }

# arrived PORT: datagrams and connections for it that got to this machine's way out or to itself.
nft -f - <<'NFT'
table inet seen {
  counter out { }
  counter marker { }
  chain post { type filter hook postrouting priority 0; oifname "eth0" udp dport 4001 counter name out; oifname "eth0" udp dport 4002 counter name marker; }
  chain in { type filter hook input priority -200; udp dport 4001 counter name out; }
}
NFT
count() { nft list counter inet seen "$1" | awk '/packets/{print $2}'; }

tare network create other >/dev/null
tare run -d --name victim --network other busybox httpd -f -p 80 >/dev/null
tare run -d --name neighbour busybox sleep 1000 >/dev/null
tare run -d --name second --egress other.test busybox sleep 1000 >/dev/null
tare run -d --name evil --egress 'web.test:80,*.test:80' busybox sleep 1000 >/dev/null
tare run -d --name strict --egress web.test:80 busybox sleep 1000 >/dev/null
status strict @127.0.0.11 web.test | grep -q NOERROR
status strict @127.0.0.11 web.test AAAA | grep -q NOERROR
tcp strict 203.0.113.9 80 || fail 'what is listed is not reached'
tcp strict 2001:db8::9 80 || fail 'what is listed is not reached over IPv6'

# Raw addresses, other ports, other protocols; the same of IPv6.
cannot strict 203.0.113.10 80
cannot strict 203.0.113.9 443
cannot strict 2001:db8::10 80
cannot strict 2001:db8::9 443
cannot strict ::ffff:203.0.113.10 80
assert_eq "$(asks strict udp 203.0.113.9 4000 || true)" ''
assert_eq "$(asks strict udp 2001:db8::9 4000 || true)" ''
for target in 203.0.113.9 2001:db8::9 203.0.113.10; do
  not tare exec strict ping -c 1 -W 1 "$target" >/dev/null 2>&1
done

# Other name servers, by datagram and stream, and our own for what is not listed.
assert_eq "$(status strict @203.0.113.9 other.test || true)" ''
assert_eq "$(status strict @203.0.113.10 web.test || true)" ''
assert_eq "$(status strict +tcp @203.0.113.9 web.test || true)" ''
assert_eq "$(status strict @127.0.0.11 other.test)" NXDOMAIN
assert_eq "$(status strict +tcp @127.0.0.11 other.test)" NXDOMAIN
assert_eq "$(status strict @127.0.0.11 secret.other.test TXT)" NXDOMAIN
assert_eq "$(status strict @127.0.0.11 -x 203.0.113.9)" NXDOMAIN
assert_eq "$(status strict @127.0.0.11 'x.web\.test')" NXDOMAIN

# The host: its services at the gateway's address, at its own and at link-local ones.
gateway=$(tare inspect --format '{{.NetworkSettings.Gateway}}' strict)
"$peer" serve host 4444 >/dev/null &
server=$!
net_clean() { kill $server; }  # Called by clean_up.
eventually 5 eval '[ -n "$(asks neighbour udp "$gateway" 4444)" ]'
# With a link-local source, which the rules about addresses do not know.
inside strict ip -6 address add fe80::2/64 dev eth0 nodad
for target in "$gateway" 203.0.113.1 2001:db8::1 fe80::1%eth0; do
  assert_eq "$(asks strict udp "$target" 4444 || true)" '' "$target"
  assert_eq "$(asks strict tcp "$target" 4444 || true)" '' "$target"
done
assert_contains "$(asks neighbour tcp fe80::1%eth0 4444)" 'host sees' 'what is not limited'

# Names that lead where names must not.
for name in ip-203-0-113-1 ip-169-254-169-254 ip-127-0-0-1 "ip-$(address victim | tr . -)" "ip-${gateway//./-}" \
  six-20010db8000000000000000000000001 six-00000000000000000000ffffcb71010a; do
  status evil @127.0.0.11 "$name.test" >/dev/null
  status evil @127.0.0.11 "$name.test" AAAA >/dev/null
done
for target in 203.0.113.1 169.254.169.254 "$gateway" "$(address victim)" 2001:db8::1 ::ffff:203.0.113.1; do
  assert_eq "$(asks evil udp "$target" 4444 || true)$(asks evil tcp "$target" 80 || true)" '' "$target"
done
sets() { for each in named4 named6 named_ports4 named_ports6; do nft list set inet tare_egress "$each"; done; }
for target in 169.254.169.254 127.0.0.1 "$(address victim)" "$gateway" ::ffff:203.0.113.10; do
  assert_lacks "$(sets)" "$target"
done
eventually 10 eval 'tare net log evil | grep -q "leads to 169.254.169.254"'

# What others were answered opens nothing for this one.
assert_eq "$(status second @127.0.0.11 other.test)" NOERROR
tcp second 203.0.113.10 80 || fail 'the other container does not reach what is its own'
cannot strict 203.0.113.10 80
# However short an answer holds, there is time to connect.
tare run -d --name brief --egress short.test busybox sleep 1000 >/dev/null
assert_eq "$(status brief @127.0.0.11 short.test)" NOERROR
assert_contains "$(sets)" 'timeout 1m30s'
tcp brief short.test 80 || fail 'a name whose answer holds for a second is not reached'

# A neighbour's address as its own, one without a list and one with another; and somebody's of elsewhere.
lies() {
  local before
  before=$(count out)
  inside strict "$peer" spoof "$1" 203.0.113.10 4001
  # Behind it comes one that gets through, from one that may: what was sent before has arrived by then.
  inside neighbour "$peer" spoof "$(address neighbour)" 203.0.113.10 4002
  eventually 5 eval '[ "$(count marker)" -gt '"$markers"' ]'
  markers=$(count marker)
  [ "$before" = "$(count out)" ]
}
markers=$(count marker)
for liar in "$(address neighbour)" "$(address second)" "${gateway%.*}.77" 203.0.113.9; do
  lies "$liar" || fail "with the address $liar it gets out"
done
# This machine hears what is for many.
own=$(address strict)
for target in 224.0.0.1 "${own%.*.*}.255.255" 255.255.255.255; do
  before=$(count out)
  inside strict python3 -c 'import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
s.sendto(b"x", (sys.argv[1], 4001))' "$target"
  lies "$own" || fail "what is for $target is heard"
  assert_eq "$(count out)" "$before" "what is for $target"
done
before=$(count out)
inside strict bash -c 'echo x >/dev/udp/ff02::1%eth0/4001'
lies "$own"
assert_eq "$(count out)" "$before" 'what is for ff02::1'
# The attack is one: without the pin the neighbour's address leaves.
nft insert rule bridge tare_egress from_pinned accept
! lies "$(address neighbour)" || fail 'the attack does not work anyway'
nft flush chain inet seen in
