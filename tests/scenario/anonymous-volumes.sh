# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# Anonymous volumes: of -v /path and of the image; they go with --rm and rm -v, and stay otherwise.
. "$TEST_LIB"
mkdir -p tree/var/lib/db
cp -a "$TEST_CACHE/rootfs/." tree/
echo first >tree/var/lib/db/file
tar -C tree -cf - . | tare import -q -c 'VOLUME /var/lib/db /cache' - db >/dev/null
count() { tare volume ls -q | wc -l; }

tare run --rm --network none db sh -c 'cat /var/lib/db/file; touch /cache/x' >out
assert_eq "$(cat out)" first
assert_eq "$(count)" 0 'volumes after --rm'
tare run -d --rm --name back --network none -v /more db sleep 1000 >/dev/null
assert_eq "$(count)" 3
tare rm -f back >/dev/null
assert_eq "$(count)" 0 'volumes after rm -f of --rm'
tare run -d --rm --network none db true >/dev/null
none() { [ "$(count)" = 0 ]; }
eventually 10 none

tare create --name one --network none -v /more -v named:/cache db sh -c 'cat /var/lib/db/file; echo more >>/var/lib/db/file' >/dev/null
assert_eq "$(tare inspect -f '{{range .Mounts}}{{.Type}}:{{.Destination}} {{end}}' one)" 'volume:/more volume:/cache volume:/var/lib/db '
assert_eq "$(tare inspect -f '{{json .Config.Volumes}}' one)" '{"/cache":{},"/var/lib/db":{},"/more":{}}'
assert_eq "$(tare volume ls -q --filter label=com.docker.volume.anonymous | wc -l)" 2
tare start -a one >/dev/null
assert_eq "$(tare start -a one)" $'first\nmore'
# Mounts of another container.
assert_eq "$(tare run --rm --network none --volumes-from one db cat /var/lib/db/file)" $'first\nmore\nmore'
not tare run --rm --network none --volumes-from one:ro db touch /var/lib/db/x 2>/dev/null
not tare run --rm --network none --volumes-from one:x db true 2>/dev/null
not tare run --rm --network none --volumes-from gone db true 2>/dev/null
assert_eq "$(count)" 3 'volumes after --volumes-from'
tare create --name alone --network none -v /more db true >/dev/null
if [ "$TEST_AS" = root ]; then
  tare run --rm --network none --volumes-from alone db touch /more/x
else
  # Ids of one container are no other's where mounts cannot be mapped: it says so.
  assert_eq "$(tare ps -a --filter name=alone --grants --format '{{.Grants}}')" '' 'grants for anonymous volumes'
  not tare run --rm --network none --volumes-from alone db true 2>err
  assert_contains "$(cat err)" 'made for one container'
fi
tare rm -v alone >/dev/null
assert_eq "$(count)" 3 'volumes after rm -v of one that nobody shares'
tare run -d --name shared --network none -v named:/cache db sleep 1000 >/dev/null
tare rm one >/dev/null
assert_eq "$(count)" 4 'volumes after rm'
tare rm -f -v shared >/dev/null
assert_eq "$(count)" 3 'volumes after rm -v'
assert_contains "$(tare volume ls -q)" named
# One that another container has stays; prune takes those that nobody has.
tare volume prune --dry-run | grep -qc . || fail 'dry run says nothing'
assert_eq "$(count)" 3
said=$(tare volume prune -f)
assert_contains "$said" 'Deleted Volumes:'
assert_matches "$said" 'Total reclaimed space: [1-9]'
assert_eq "$(tare volume ls -q)" named 'after prune'
exits 1 tare volume prune -a </dev/null >out 2>/dev/null
assert_contains "$(cat out)" 'WARNING! This will remove all local volumes not used by at least one container.'
tare volume prune -a -f --filter label=x >/dev/null
assert_eq "$(count)" 1
tare volume create --label x=1 second >/dev/null
tare volume prune -a -f --filter 'label!=x' >/dev/null
assert_eq "$(tare volume ls -q)" second
tare volume create >/dev/null
tare create --name stopped --network none -v /v db true >/dev/null
tare system prune -f --volumes >out
assert_contains "$(cat out)" 'Deleted Volumes:'
assert_eq "$(tare volume ls -q)" second 'after system prune --volumes'
tare volume rm second >/dev/null
