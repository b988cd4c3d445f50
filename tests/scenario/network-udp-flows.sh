# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# as: root
# needs: nft ip nsenter
# A client of UDP that never falls silent reaches a port that is published while it asks, and the next
# container that has it.
. "$TEST_LIB"
# shellcheck source=tests/network.sh
. "$(dirname "$TEST_LIB")/network.sh"

net_world
net_network tare0 5
net_container host tare0 one 10.5.0.2/24 fd00:5::2/64
net_container host tare0 two 10.5.0.3/24 fd00:5::3/64
net_serve one one 80
net_serve two two 80
net_serve outside outside 8080
publish() {
  for step in publish forget; do
    net_run host "$net_probe" $step "$1" '0.0.0.0:8080:80/udp' '[2001:db8::1]:8080:80/udp'
  done
}

# talk ADDRESS; ask: one question more from the same port; hush.
talk() { coproc TALK { exec nsenter --net="/proc/${NET_PID[$1]}/ns/net" -- "$net_peer" talk "$2" 8080 2>&1; }; }
ask() {
  echo >&"${TALK[1]}"
  read -r said <&"${TALK[0]}"
  assert_eq "$said" "$1"
}
hush() {
  local pid=$TALK_PID
  eval "exec ${TALK[1]}>&-"
  wait "$pid"
}

for address in 203.0.113.1 2001:db8::1; do
  talk outside $address
  ask nothing
  publish 10.5.0.2,fd00:5::2
  ask "one sees ${address/%1/9}"
  # The container is gone, and the next has the port.
  net_run host "$net_probe" withdraw 10.5.0.2,fd00:5::2 '0.0.0.0:8080:80/udp' '[2001:db8::1]:8080:80/udp'
  ask "one sees ${address/%1/9}"
  publish 10.5.0.3,fd00:5::3
  ask "two sees ${address/%1/9}"
  # Published once more, as healing does, nothing changes.
  publish 10.5.0.3,fd00:5::3
  ask "two sees ${address/%1/9}"
  net_run host "$net_probe" withdraw 10.5.0.3,fd00:5::3 '0.0.0.0:8080:80/udp' '[2001:db8::1]:8080:80/udp'
  hush
done

# What only goes through the host to that port of another host is left alone.
talk two 203.0.113.9
ask "outside sees 203.0.113.1"
net_run host cat /proc/net/nf_conntrack 2>/dev/null | grep 'dst=203.0.113.9 .*dport=8080' >"$TMPDIR/before" || skip "no table of connections"
publish 10.5.0.2,fd00:5::2
net_run host cat /proc/net/nf_conntrack | grep -q "$(grep -o 'src=10.5.0.3 dst=203.0.113.9 sport=[0-9]*' "$TMPDIR/before")" ||
  fail "a flow to another host was forgotten"
hush
