# SPDX-License-Identifier: Apache-2.0
# as: root user
# needs: skopeo python3 jq
# A pull that breaks goes on from the byte where it stopped: after a cut connection, after kill -9, and
# from the start only where the server knows no ranges. Failures that pass are waited out.
. "$TEST_LIB"
. "$(dirname "$TEST_LIB")/registry.sh"

skopeo copy -q "docker-archive:$TEST_CACHE/busybox-docker.tar" "oci:$TMPDIR/layout:1"
size=$(jq '.layers[0].size' "$TMPDIR/layout/blobs/sha256/$(jq -r '.manifests[0].digest' "$TMPDIR/layout/index.json" | cut -d: -f2)")
ranges() { sed -n 's/^GET .*blobs.* range=bytes=\([0-9]*\)-.*/\1/p' "$LIAR_LOG"; }
forget() { tare rmi "$1" >/dev/null; }

# Cut twice, each time after half of the rest.
start_liar --base "$TMPDIR/layout" cut
out=$(tare pull "$LIAR/x:1")
assert_contains "$out" ': Retrying'
assert_eq "$(ranges | tr '\n' ' ')" "$((size / 2)) $((size / 2 + (size - size / 2) / 2)) "
forget "$LIAR/x:1"

# No ranges: from the start.
start_liar --base "$TMPDIR/layout" cut no-ranges
tare pull -q "$LIAR/x:1" >/dev/null
forget "$LIAR/x:1"

start_liar --base "$TMPDIR/layout" fail-twice
tare pull -q "$LIAR/x:1" >/dev/null
forget "$LIAR/x:1"
start_liar --base "$TMPDIR/layout" busy-once
begun=$SECONDS
tare pull -q "$LIAR/x:1" >/dev/null
[ $((SECONDS - begun)) -ge 1 ] || fail "Retry-After was not waited for"
forget "$LIAR/x:1"

# Killed in the middle: what had come is used by the next pull.
start_liar --base "$TMPDIR/layout"
tare pull -q --rate $((size / 4)) "$LIAR/x:1" >/dev/null 2>&1 &
pull=$!
part_is_there() { [ -n "$(find "$TARE_ROOT/downloads" -name '*.part' -size +64k)" ]; }
eventually 10 part_is_there
kill -KILL $pull
wait $pull 2>/dev/null || true
# The program that it had started ends with it.
unlocked() { flock -n "$TARE_ROOT"/downloads/*.part true; }
transfer_gone() { ! pgrep -P 1 -u "$(id -u)" tare-transfer >/dev/null; }
eventually 5 unlocked
eventually 5 transfer_gone
there=$(stat -c %s "$TARE_ROOT"/downloads/*.part)
[ "$there" -gt 65536 ] && [ "$there" -lt "$size" ] || fail "$there of $size bytes had come"
tare pull -q "$LIAR/x:1" >/dev/null
assert_eq "$(ranges)" "$there"
assert_eq "$(tare run --rm --network none "$LIAR/x:1" echo runs)" runs
[ -z "$(ls -A "$TARE_ROOT/downloads")" ] || fail "parts are left"
forget "$LIAR/x:1"

# Two at once: one of them fetches.
tare pull -q "$LIAR/x:1" >/dev/null &
first=$!
before=$(grep -c '^GET .*blobs' "$LIAR_LOG" || true)
tare pull -q "$LIAR/x:1" >/dev/null
wait $first
after=$(grep -c '^GET .*blobs' "$LIAR_LOG")
# Each reads the config; the layer comes once.
[ $((after - before)) -le 3 ] || fail "the layer came twice"

# run gets what is missing.
forget "$LIAR/x:1"
out=$(tare run --rm --network none "$LIAR/x:1" echo runs 2>"$TMPDIR/err")
assert_eq "$out" runs
assert_contains "$(cat "$TMPDIR/err")" "Unable to find image '$LIAR/x:1' locally"
forget "$LIAR/x:1"
exits 125 tare run --rm --pull never --network none "$LIAR/x:1" true 2>/dev/null
