# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# -p in all its forms, as port, ports, ps and inspect tell of it; and what does not go together. What
# arrives at a port is for network-ports.sh.
# as: root
# needs: jq ip nft
. "$TEST_LIB"
image_busybox

up() { tare run -d --name "$1" "${@:2}" busybox sleep 1000 >/dev/null; }
ports() { tare ps --filter "name=^$1\$" --format '{{.Ports}}'; }
refused() { # TEXT OPTION...: no container is made, and it says why.
  local text=$1
  shift
  exits 125 tare create "$@" busybox true >out 2>err
  assert_contains "$(cat err)" "$text"
}

# Without an address: this machine, by both of its loopback addresses.
up one -p 8080:80 -p 0.0.0.0:9000-9001:9000-9001 -p '[::]:5353:53/udp' -p any:8443:443 --expose 7000
assert_eq "$(tare port one)" "53/udp -> [::]:5353
80/tcp -> 127.0.0.1:8080
80/tcp -> [::1]:8080
443/tcp -> 0.0.0.0:8443
443/tcp -> [::]:8443
9000/tcp -> 0.0.0.0:9000
9001/tcp -> 0.0.0.0:9001"
assert_eq "$(tare port one 80)" $'127.0.0.1:8080\n[::1]:8080'
assert_eq "$(tare container port one 53/udp)" '[::]:5353'
exits 1 tare port one 53 2>err
assert_contains "$(cat err)" "no public port '53' published for one"
exits 1 tare port one http 2>err
assert_contains "$(cat err)" 'is no port'
assert_eq "$(ports one)" \
  '7000/tcp, 0.0.0.0:9000-9001->9000-9001/tcp, [::]:5353->53/udp, 127.0.0.1:8080->80/tcp, [::1]:8080->80/tcp, 0.0.0.0:8443->443/tcp, [::]:8443->443/tcp'
assert_eq "$(tare inspect one | jq -c '.[0].HostConfig.PortBindings["9001/tcp"]')" '[{"HostIp":"0.0.0.0","HostPort":"9001"}]'

# Who can reach what.
assert_matches "$(tare ports | grep '127.0.0.1:8080')" '^127\.0\.0\.1:8080/tcp -> one:80 +from this machine only$'
assert_matches "$(tare ports | grep '0.0.0.0:8443')" '^0\.0\.0\.0:8443/tcp -> one:443 +from everybody who reaches this machine$'
assert_eq "$(tare ports --format json one | jq -r 'select(.HostPort == "5353") | [.HostIP, .Protocol, .Container, .ContainerPort, .Reach] | join("|")')" \
  '::|udp|one|53|everybody who reaches this machine'
assert_eq "$(tare ports --format '{{.HostPort}}' | sort -un | xargs)" '5353 8080 8443 9000 9001'

# Filters of ps: by the container's ports, as Docker has it.
for match in publish=80 publish=9000-9005/tcp expose=7000 expose=53/udp; do
  assert_eq "$(tare ps --filter $match --format '{{.Names}}')" one "$match"
done
for match in publish=8080 publish=53 publish=7000 expose=7001-7010; do
  assert_eq "$(tare ps -q --filter $match)" '' "$match"
done
exits 1 tare ps --filter publish=http 2>/dev/null

# Any free port of the host, and one of a range.
up two -p 80 -p 127.0.0.1::81 -p 9500-9510:82
assert_matches "$(tare port two 80 | head -1)" '^127\.0\.0\.1:[1-9][0-9]+$'
assert_matches "$(tare port two 81)" '^127\.0\.0\.1:[1-9][0-9]+$'
assert_matches "$(tare port two 82 | head -1)" '^127\.0\.0\.1:95(0[0-9]|10)$'
up all -P --expose 70-71 --expose 72/udp
assert_eq "$(tare port all | sed 's/ .*//' | sort -u | xargs)" '70/tcp 71/tcp 72/udp'

# Changed while it runs.
assert_eq "$(tare update --publish-add 127.0.0.1:8085:85 --publish-rm 443 one)" one
assert_eq "$(tare port one 85)" 127.0.0.1:8085
exits 1 tare port one 443 2>/dev/null
exits 1 tare update --publish-rm 443 one 2>err
assert_contains "$(cat err)" 'does not publish'

# Stopped it has none.
tare stop -t 0 two >/dev/null
assert_eq "$(tare port two)" ''
assert_eq "$(tare ps -a --filter name=two --format '{{.Ports}}')" ''
assert_lacks "$(tare ports)" two

# Nonsense, and what does not go together.
refused 'come two ports: 127.0.0.1:80:80' -p 127.0.0.1:80
refused 'without one it is localhost' -p localhost:80:80
refused '2 ports of the host for 6' -p 8000-8001:90-95
refused 'is no port' -p 70000
refused 'is no port' -p 8080:http
refused 'tcp, udp and sctp' -p 80/icmp
refused 'is missing' -p ''
refused 'want port 8080/tcp of the host' -p 8080:80 -p 127.0.0.1:8080:81
refused '--publish' --expose 8080:80
refused 'does not go with --network container:one' --network container:one -p 80
refused 'does not go with --network container:one' --network container:one --hostname x
refused 'does not go with --network host' --network host --link one
refused 'networks of your own' --ip 10.1.2.3
refused 'networks of your own' --network-alias x
refused 'for --add-host' --add-host x
refused 'for --dns' --dns example.com
for mode in host none; do
  tare run --rm --network $mode -p 80:80 busybox true 2>err
  assert_contains "$(cat err)" "Published ports are discarded when using $mode network mode"
done
