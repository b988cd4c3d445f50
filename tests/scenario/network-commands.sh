# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# network create, ls, inspect, connect, disconnect, rm and prune: Docker's output, formats, filters and
# errors. No container runs.
# as: root
# needs: jq ip nft
. "$TEST_LIB"
image_busybox

names() { tare network ls --format '{{.Name}}' "$@" | xargs; }
refused() { # TEXT COMMAND...: it fails with 1 and says so.
  local text=$1
  shift
  exits 1 tare "$@" >out 2>err
  assert_contains "$(cat err)" "$text"
}

# The default one, and the modes that Docker lists as networks.
assert_matches "$(tare network ls | head -1)" '^NETWORK ID +NAME +DRIVER +SCOPE$'
assert_matches "$(tare network ls | sed -n 2p)" '^[0-9a-f]{12} +bridge +bridge +local$'
assert_eq "$(names)" 'bridge host none'
assert_eq "$(tare network inspect -f '{{.Name}} {{.Driver}}' none host bridge | xargs)" 'none null host host bridge bridge'
assert_eq "$(tare network ls --no-trunc -q --filter driver=null)" "$(tare network inspect -f '{{.Id}}' none)"
refused 'cannot be removed' network rm none
refused bridge network rm bridge
refused 'always there' network create host

# One of our own.
id=$(tare network create --subnet 10.7.0.0/24 --gateway 10.7.0.254 --ip-range 10.7.0.128/25 \
  --aux-address router=10.7.0.5 --label team=red --label empty \
  -o com.docker.network.bridge.name=web0 -o com.docker.network.driver.mtu=1400 web)
assert_matches "$id" '^[0-9a-f]{64}$'
assert_eq "$(names)" 'bridge host none web'
assert_eq "$(tare network ls -q --filter name=web)" "${id:0:12}"
assert_eq "$(tare network list -q --no-trunc --filter name=web)" "$id"
assert_eq "$(tare network ls --filter type=custom --format json | jq -r '[.ID, .Name, .Driver, .Scope, .Internal, .IPv4] | join(" ")')" \
  "${id:0:12} web bridge local false true"
assert_eq "$(tare network ls --filter label=team=red --format '{{.Name}} {{.Label "team"}} {{.Scope}}')" 'web red local'
assert_matches "$(tare network ls --format 'table {{.Name}}\t{{.Driver}}' | sed -n 2p)" '^bridge +bridge$'
tare network inspect web >whole
assert_eq "$(jq -r '.[0] | [.Name, .Id, .Scope, .Driver, .Internal, .Labels.team] | join(" ")' whole)" \
  "web $id local bridge false red"
assert_eq "$(jq -c '[.[0].IPAM.Config[] | select(.Subnet == "10.7.0.0/24")]' whole)" \
  '[{"Subnet":"10.7.0.0/24","IPRange":"10.7.0.128/25","Gateway":"10.7.0.254","AuxiliaryAddresses":{"router":"10.7.0.5"}}]'
assert_eq "$(jq -r '.[0].Options["com.docker.network.driver.mtu"]' whole)" 1400
assert_eq "$(tare network inspect --format '{{.Id}}' "${id:0:8}")" "$id"
assert_eq "$(tare inspect --format '{{.Name}}' web)" web
assert_eq "$(tare inspect --type network --format '{{.Driver}}' none)" null
refused web inspect --type container web
refused nowhere inspect --type network nowhere
tare network create --internal --ipv6=false dark >/dev/null
assert_eq "$(tare network inspect --format '{{.Internal}} {{.EnableIPv6}} {{len .IPAM.Config}}' dark)" 'true false 1'

# Filters.
assert_eq "$(names --filter type=builtin)" 'bridge host none'
assert_eq "$(names --filter name=da --filter name=we)" 'dark web'
assert_eq "$(names --filter "id=${id:0:12}")" web
assert_eq "$(names --filter dangling=true)" 'dark web'
assert_eq "$(names --filter driver=host --filter scope=local)" host
refused 'custom and builtin' network ls --filter type=mine
refused 'did you mean name' network ls --filter nmae=bridge

# What cannot be is refused, with the reason.
refused 'already exists' network create web
refused 'overlaps' network create --subnet 10.7.0.0/16 other
refused 'bits below' network create --subnet 10.8.0.1/24 other
refused 'in no --subnet' network create --subnet 10.8.0.0/24 --gateway 10.9.0.1 other
refused 'in no --subnet' network create --ip-range 10.8.0.0/25 other
refused 'no name' network create 'a b'
refused swarm network create -d overlay other
refused 'macvlan does' network create -d ipvlan other
refused 'parent' network create -d macvlan other
exits 125 tare network create --ingress other 2>err
assert_contains "$(cat err)" swarm
refused 'at least 1 argument' network create
refused 'nowhere' network inspect nowhere
assert_eq "$(cat out)" '[]'
exits 1 tare network inspect -f '{{.Name}}' nowhere web >out 2>err
assert_eq "$(cat out)" web 'what is there is still shown'
assert_contains "$(tare network)" 'Commands for networks'
assert_eq "$(names)" 'bridge dark host none web'

# A container that does not run is on networks, too.
tare create --name box --network web --network-alias store busybox true >/dev/null
on() { tare ps -a --filter name=box --format '{{.Networks}}'; }
assert_eq "$(on)" web
tare network connect --alias x dark box
assert_eq "$(on)" web,dark
refused 'already' network connect dark box
refused 'of your own' network connect --alias x bridge box
refused 'cannot be joined' network connect host box
refused nobody network connect web nobody
assert_eq "$(tare ps -aq --filter network=dark | wc -l)" 1
assert_eq "$(tare ps -aq --filter "network=${id:0:12}" | wc -l)" 1
assert_eq "$(tare ps -aq --filter network=bridge | wc -l)" 0
tare network disconnect dark box
assert_eq "$(on)" web
refused 'not connected' network disconnect dark box
tare network disconnect -f dark box
tare network disconnect -f dark nobody
refused nowhere network disconnect -f nowhere box
exits 125 tare run --rm --network web --network host busybox true 2>err
assert_contains "$(cat err)" 'does not go with another network'

# Pruned is what no container is on.
exits 1 tare network prune </dev/null >out 2>err
assert_contains "$(cat out)" 'WARNING! This will remove all custom networks not used by at least one container.'
assert_contains "$(cat out)" 'Are you sure you want to continue? [y/N]'
assert_eq "$(tare network prune --dry-run)" $'Deleted Networks:\ndark'
assert_eq "$(tare network prune -f --filter label=team)" ''
assert_eq "$(tare network prune -f --filter until=1h)" ''
assert_eq "$(echo y | tare network prune | tail -n +2 | sed 's/^.*\[y.N\] //')" $'Deleted Networks:\ndark'
assert_eq "$(names --filter type=custom)" web
tare network create spare >/dev/null
said=$(tare system prune -f --no-undo 2>/dev/null)
assert_matches "$said" $'Deleted Containers:\n[0-9a-f]{64}\n\nDeleted Networks:\n'
assert_contains "$said" spare
assert_contains "$said" web
assert_eq "$(names)" 'bridge host none'

assert_eq "$(tare network create --ipv6=false a >/dev/null; tare network rm a)" a
refused nowhere network rm nowhere
assert_eq "$(tare network rm -f nowhere)" nowhere
