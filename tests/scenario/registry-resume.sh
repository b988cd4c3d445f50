# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2119,SC2164
# as: root user
# needs: skopeo python3
# A pull that was killed goes on from the byte where it stopped; of two at once one fetches.
. "$TEST_LIB"
# shellcheck source=tests/registry.sh
. "$(dirname "$TEST_LIB")/registry.sh"

ranges() { sed -n 's/^GET .*blobs.* range=bytes=\([0-9]*\)-.*/\1/p' "$LIAR_LOG"; }
forget() { tare rmi "$1" >/dev/null; }

# Killed in the middle: what had come is used by the next pull.
head -c 6000000 /dev/urandom >"$TMPDIR/noise"
tar -C "$TMPDIR" -cf "$TMPDIR/noise.tar" noise
docker_archive "$TMPDIR/large.tar" large "$TEST_CACHE/busybox.tar" "$TMPDIR/noise.tar"
skopeo copy -q "docker-archive:$TMPDIR/large.tar" "oci:$TMPDIR/large:1"
size=$(find "$TMPDIR/large/blobs/sha256" -size +5M -printf %s)
start_liar --base "$TMPDIR/large"
tare pull -q --rate $((size / 2)) "$LIAR/x:1" >/dev/null 2>&1 &
pull=$!
part_is_there() { [ -n "$(find "$TARE_ROOT/downloads" -name '*.part' -size +1200k)" ]; }
eventually 10 part_is_there
kill -KILL $pull
wait $pull 2>/dev/null || true
# The program that it had started ends with it.
transfer_gone() { ! pgrep -P 1 -u "$(id -u)" tare-transfer >/dev/null; }
eventually 5 transfer_gone
there=$(find "$TARE_ROOT/downloads" -size +1200k -printf %s)
[ "$there" -lt "$size" ] || fail "$there of $size bytes had come"
tare pull -q "$LIAR/x:1" >/dev/null
assert_contains "$(ranges)" "$there"
assert_eq "$(tare run --rm --network none "$LIAR/x:1" echo runs)" runs
[ -z "$(ls -A "$TARE_ROOT/downloads")" ] || fail "parts are left"
forget "$LIAR/x:1"

# Two at once: one of them fetches.
large=$(basename "$(find "$TMPDIR/large/blobs/sha256" -size +5M)")
: >"$LIAR_LOG"
tare pull -q "$LIAR/x:1" >/dev/null &
first=$!
tare pull -q "$LIAR/x:1" >/dev/null
wait $first
assert_eq "$(grep -ac "blobs/sha256:$large" "$LIAR_LOG")" 1 'number of times that the layer came'

# run gets what is missing.
forget "$LIAR/x:1"
out=$(tare run --rm --network none "$LIAR/x:1" echo runs 2>"$TMPDIR/err")
assert_eq "$out" runs
assert_contains "$(cat "$TMPDIR/err")" "Unable to find image '$LIAR/x:1' locally"
forget "$LIAR/x:1"
exits 125 tare run --rm --pull never --network none "$LIAR/x:1" true 2>/dev/null
