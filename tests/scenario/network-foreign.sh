# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2086
# What others have of devices and rules is not touched, whatever its name; what is ours comes back when
# somebody flushes all rules or deletes our bridge, or the machine was started again.
# as: root
# needs: ip nft curl
. "$TEST_LIB"
image_busybox

serve() { tare run -d --name "$1" "${@:2}" busybox sh -c "mkdir -p /w && echo $1 >/w/index.html && httpd -f -h /w -p 80" >/dev/null; }
is() { [ "$(curl -s -m 2 "$2")" = "$1" ]; }
reaches() { tare exec "$1" nc -w 2 "$2" 80 </dev/null >/dev/null 2>&1; }

# Others': a device with the first name that ours would have, a bridge as Docker's with its subnet and
# rules, a table of an admin's, one of a name like ours in another family.
ip link add tare0 type bridge
ip link set tare0 alias 'somebody'
ip link add docker0 type bridge
ip addr add 172.17.0.1/16 dev docker0
ip link set docker0 up
ip link add mine type bridge
ip link add outside type veth peer name neighbour
ip addr add 192.0.2.1/24 dev outside
ip link set outside up
nft -f - <<'RULES'
table ip nat {
  chain POSTROUTING { type nat hook postrouting priority srcnat; ip saddr 172.17.0.0/16 oifname != "docker0" masquerade; }
  chain DOCKER { iifname "docker0" return; }
}
table inet filter {
  set admins { type ipv4_addr; elements = { 203.0.113.5 }; }
  chain input { type filter hook input priority filter; ip saddr @admins counter accept; }
}
table ip tare {
  chain own { counter; }
}
RULES
theirs() {
  ip -d -o link show | grep -E '^[0-9]+: (tare0|docker0|mine|outside|neighbour)' | sed 's/ state [A-Z]*//; s/_timer *[0-9.]*//g'
  ip addr show docker0
  for table in 'ip nat' 'inet filter' 'ip tare'; do nft list table ${table% *} ${table#* }; done
}
theirs >before

serve one -p 8080:80 -p 192.0.2.1:8081:80
tare network create back >/dev/null
serve two --network back
eventually 5 is one http://192.0.2.1:8081/
not tare network create -o com.docker.network.bridge.name=mine taken 2>err
assert_contains "$(cat err)" "has a device 'mine' already"
assert_eq "$(tare network inspect --format '{{index .Options "com.docker.network.bridge.name"}}' bridge | grep -c 'tare0$' || true)" 0
assert_lacks "$(tare network inspect --format '{{(index .IPAM.Config 0).Subnet}}' bridge back)" 172.17.
diff before <(theirs) || fail 'what is others is touched'

# All rules go, theirs too: ours come back by themselves.
nft flush ruleset
eventually 5 is one http://192.0.2.1:8081/
serve three --network back
eventually 5 reaches two three
[ "$(nft list tables | grep -cv '^table inet tare$')" = 0 ] || fail "tables that were nobody's: $(nft list tables)"

# A bridge of ours is gone while containers run: what starts next makes it anew, for them, too.
bridge=$(ip -o link show type bridge | sed -n 's/^[0-9]*: \(br-[0-9a-f]*\):.*/\1/p')
ip link del "$bridge"
serve four --network back
serve five --network back
eventually 5 reaches four five
eventually 5 reaches two five
tare ps -a >/dev/null
tare stop -t 0 two >/dev/null
tare start two >/dev/null
eventually 5 reaches two five
# Somebody else's bridge is where ours was.
tare rm -f two three four five >/dev/null
ip link del "$bridge"
ip link add "$bridge" type bridge
not tare run --rm --network back busybox true 2>err
assert_contains "$(cat err)" 'that is not network'
ip link del "$bridge"

# The machine was started again: no devices, no rules, no processes, but all records.
serve back-again --network back -p 8082:80
for pid in $(pgrep -f "^[^ ]*tare-net $TARE_ROOT\$"); do kill -STOP "$pid"; done
for pid in $(pgrep -f "^[^ ]*tare-net $TARE_ROOT\$"); do kill -9 "$pid"; done
for each in one back-again; do
  keeper=$(sed -n 's/^keeper_pid=//p' "$TARE_ROOT/containers/$(tare inspect --format '{{.Id}}' $each)/started")
  kill -9 "$keeper"
done
ip link del "$bridge"
ip link del "$(ip -o link show type bridge | sed -n 's/^[0-9]*: \(tare1\):.*/\1/p')"
nft delete table inet tare
tare ps >/dev/null
assert_eq "$(tare ps -q)" '' 'containers after the start of the machine'
[ -z "$(find "$TARE_ROOT"/networks/*/leases -mindepth 1)" ] || fail 'leases stay'
tare start one back-again >/dev/null
eventually 5 is one http://192.0.2.1:8081/
eventually 5 is back-again http://127.0.0.1:8082/

tare rm -f one back-again >/dev/null
tare network rm back >/dev/null
ip link show "$bridge" >/dev/null 2>&1 && fail 'a bridge stays'
ip link show tare0 >/dev/null && ip link show docker0 >/dev/null && ip link show mine >/dev/null
