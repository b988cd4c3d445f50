# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# Containers on networks: addresses of both families, names, several networks, what another network does
# not reach, and that nothing stays when they are gone.
# as: root user userns
# needs: ip nft python3
. "$TEST_LIB"
image_busybox

up() { tare run -d --name "$1" "${@:2}" busybox httpd -f -p 80 >/dev/null; }
address() { tare inspect --format "{{.NetworkSettings.Networks.$2.IPAddress}}" "$1"; }
reaches() { tare exec "$1" nc -w 2 "$2" "${3-80}" </dev/null >/dev/null 2>&1; }

# The default network: nothing has to be made for it.
up one
up two
one=$(tare inspect --format '{{.NetworkSettings.IPAddress}}' one)
assert_eq "$one" 172.17.0.2
assert_eq "$(tare network inspect --format '{{(index .IPAM.Config 0).Gateway}}' bridge)" 172.17.0.1
reaches two "$one" || fail 'the default network does not connect'
if [ "$TEST_AS" = root ]; then  # Of others the gateway is not this machine.
  python3 -m http.server -b 172.17.0.1 8000 >/dev/null 2>&1 &
  eventually 5 reaches two 172.17.0.1 8000
  kill $!
fi
six=$(tare inspect --format '{{.NetworkSettings.GlobalIPv6Address}}' one)
reaches two "$six" || fail 'IPv6 does not connect'
! tare exec two nslookup one >out 2>&1 || fail 'the default network answers names'
assert_contains "$(tare exec one cat /etc/hosts)" "$one"
assert_contains "$(tare exec one cat /etc/resolv.conf)" 'nameserver 127.0.0.11'
tare exec one ip link show eth0 | grep -q 02:42:ac:11:00:02 || fail 'another MAC'

# One of our own: names, aliases, short ids.
tare network create back >/dev/null
up db --network back --network-alias store
up web --network back --hostname www
for name in db store "$(tare inspect --format '{{.Id}}' db | head -c 12)"; do
  reaches web "$name" || fail "web does not reach $name"
done
tare exec web nslookup db 127.0.0.11 | grep -q "$(address db back)" || fail 'db has no address'
! reaches web "$one" || fail 'another network can be reached'
! reaches one "$(address db back)" || fail 'another network can be reached'

# On a second one while it runs, and off it.
tare network create --subnet 10.77.0.0/24 --subnet fd00:77::/64 front >/dev/null
tare network connect --ip 10.77.0.9 --ip6 fd00:77::9 --alias edge front web
up guest --network front
assert_eq "$(address web front)" 10.77.0.9
reaches guest edge || fail 'an alias of a network that was connected is not known'
reaches guest fd00:77::9 || fail 'IPv6 of a network that was connected'
reaches web db || fail 'the first network is gone'
exits 1 tare network connect front web 2>err
assert_contains "$(cat err)" 'already'
exits 1 tare network rm front 2>err
assert_contains "$(cat err)" 'active endpoints'
tare network disconnect front web
! tare exec web ip link show eth1 >/dev/null 2>&1 || fail 'the interface stays'
! reaches guest edge || fail 'a name stays'
exits 125 tare run --rm --network front --ip 10.77.0.1 busybox true 2>err
assert_contains "$(cat err)" "gateway's"
exits 125 tare run --rm --network nowhere busybox true 2>err
assert_contains "$(cat err)" 'nowhere'

# The network of another container.
tare run --rm --network container:web busybox ip -4 addr show eth0 | grep -q "$(address web back)/" ||
  fail 'the network of web is not shared'
tare run --rm --network container:web busybox nc -w 2 db 80 </dev/null || fail 'nor its names'

# Renamed while it runs.
tare rename db data
eventually 5 reaches web data

# A container that is started again is on its networks again.
tare stop -t 0 web >/dev/null
tare start web >/dev/null
reaches web data || fail 'after a restart'

tare rm -f one two data web guest >/dev/null
left() {
  [ -z "$(ip -o link show type veth)" ] && [ -z "$(find "$TARE_ROOT"/networks/*/leases "$TARE_ROOT"/networks/*/endpoints -mindepth 1)" ]
}
eventually 5 left
tare network rm back front >/dev/null
! ip -o link show type bridge | grep -v ': tare0:' || fail 'bridges stay'
