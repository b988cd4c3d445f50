# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# as: root
# What builds keep makes room before anything is refused, oldest first; and builder prune takes as much as it is
# told to.
. "$TEST_LIB"
image_busybox
mkdir app
step() {
  printf 'FROM busybox\nRUN head -c 3000000 /dev/urandom >/%s\n' "$1" >app/Dockerfile
  tare build -q --network none -o type=cacheonly app 2>log || fail "$(cat log)"
}
steps() { grep -ho '"what": ".*"' "$TARE_ROOT"/steps/*.json 2>/dev/null | grep -o '/[a-z]*"' | tr -d '/"' | sort | tr '\n' ' '; }
step one
step two
step three
assert_eq "$(steps)" 'one three two '
assert_matches "$(tare builder prune -f --keep-storage 7m --dry-run)" 'would remove 1 steps'
assert_matches "$(tare builder prune -f --keep-storage 7m --verbose)" '>/one'
assert_eq "$(steps)" 'three two '
assert_contains "$(tare builder prune -f --filter until=1h)" 'removed 0 steps'

# A budget that holds what is there, and not what comes.
used=$(du -sk --apparent-size "$TARE_ROOT" | cut -f1)
head -c 4000000 /dev/urandom >large
docker_layer() { tar -cf large.tar large; }
docker_layer
tare --store-max "$((used + 5000))k" import large.tar large >out 2>&1 || fail "$(cat out)"
assert_lacks "$(steps)" two
assert_eq "$(tare images -q | wc -l)" 2 "images; $(cat out)"
not tare builder prune -a </dev/null >asked 2>&1
assert_contains "$(cat asked)" 'Are you sure'
tare builder prune -af >/dev/null
assert_eq "$(steps)" ''

# Caches of --mount=type=cache make room, too, those used longest ago first; what they are df says.
cache() {
  printf 'FROM busybox\nRUN --mount=type=cache,id=%s,target=/cache head -c 12000000 /dev/urandom >/cache/x\n' "$1" >app/Dockerfile
  tare build -q --network none -o type=cacheonly app 2>log || fail "$(cat log)"
}
caches() { grep -ho '"dev.tare.build-cache": "[^"]*"' "$TARE_ROOT"/volumes/*/volume.json | cut -d'"' -f4 | sort | tr '\n' ' '; }
cache one
cache two
assert_eq "$(caches)" 'one two '
kept=$(find "$TARE_ROOT/volumes" -name x | head -1)
assert_contains "$(tare df --why "${kept#"$TARE_ROOT"/}")" 'eviction when space is needed'
tare rmi large >/dev/null && tare undo --empty >/dev/null
used=$(du -sk --apparent-size "$TARE_ROOT" | cut -f1)
tare --store-max "$((used + 1000))k" import large.tar large >out 2>&1 || fail "$(cat out)"
assert_eq "$(caches)" 'two ' "$(cat out)"

# A RUN that writes more than there is room for is stopped while it runs.
printf 'FROM busybox\nRUN head -c 60000000 /dev/zero >/zeros; sleep 100\n' >app/Dockerfile
used=$(du -sk --apparent-size "$TARE_ROOT" | cut -f1)
SECONDS=0
not timeout 60 tare --store-max "$((used + 30000))k" build --progress plain --network none app >out 2>&1
[ $SECONDS -lt 30 ] || fail "stopped after $SECONDS s"
assert_contains "$(cat out)" 'RUN was stopped: there is no room for what it writes'
assert_contains "$(cat out)" 'Dockerfile:2:1'
assert_eq "$(find "$TARE_ROOT/containers" -mindepth 1 | wc -l)" 0
