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
