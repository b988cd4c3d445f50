# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# A network whose addresses are given out, and a machine whose subnets are all routed: the error says so,
# and nothing stays of what was begun.
# as: root
# needs: ip nft
. "$TEST_LIB"
image_busybox
left() {
  echo "$(ip -o link | wc -l) $(find "$TARE_ROOT"/networks -mindepth 1 ! -name 'service*' | sort) $(nft list ruleset | sha256sum)"
}

# Five addresses of eight: the subnet's own, the gateway's and the last are nobody's.
tare network create --subnet 10.80.0.0/29 small >/dev/null
for i in 1 2 3 4 5; do tare run -d --name "c$i" --network small busybox sleep 1000 >/dev/null; done
before=$(left)
exits 125 tare run -d --name more --network small -p 8080:80 busybox sleep 1000 2>err
assert_contains "$(cat err)" 'no address is free in 10.80.0.0/29'
assert_eq "$(left)" "$before" 'what there is'
tare create --name other --network small busybox true >/dev/null
not tare start other 2>err
assert_contains "$(cat err)" 'no address is free'
tare network disconnect small other
tare run -d --name apart busybox sleep 1000 >/dev/null
before=$(left)
not tare network connect small apart 2>err
assert_contains "$(cat err)" 'no address is free'
assert_eq "$(left)" "$before" 'what there is'
assert_lacks "$(tare inspect --format '{{json .NetworkSettings.Networks}}' apart)" small

# One that ends makes room at once.
tare rm -f c3 >/dev/null
tare network connect small apart
assert_eq "$(tare inspect --format '{{.NetworkSettings.Networks.small.IPAddress}}' apart)" 10.80.0.4
tare rm -f c1 c2 c4 c5 apart more other >/dev/null

# A network without any address for containers.
not tare network create --subnet 10.80.1.0/32 none-left 2>err

# All subnets are routed somewhere.
ip link add sink type veth peer name drain
ip link set sink up
ip link set drain up
for route in 172.16.0.0/12 192.168.0.0/16 10.0.0.0/8; do ip route add "$route" dev sink; done
not tare network create nowhere 2>err
assert_contains "$(cat err)" 'all subnets that networks are made from are taken'
assert_contains "$(cat err)" '--subnet'
! tare network ls --format '{{.Name}}' | grep -q nowhere || fail 'half a network'
# Nor does a name of a network that could not be made stay taken.
ip route del 192.168.0.0/16
tare network create nowhere >/dev/null
assert_matches "$(tare network inspect --format '{{(index .IPAM.Config 0).Subnet}}' nowhere)" '^192\.168\.'
