# SPDX-License-Identifier: Apache-2.0
# as: root user
# needs: skopeo python3
# A registry that lies gets a clear refusal, and nothing of it stays: no image, no blob, no part.
. "$TEST_LIB"
. "$(dirname "$TEST_LIB")/registry.sh"

skopeo copy -q "docker-archive:$TEST_CACHE/busybox-docker.tar" "oci:$TMPDIR/layout:1"

nothing_left() {
  local left
  tare images -q >/dev/null # What was left is swept.
  left=$(find "$TARE_ROOT/blobs" "$TARE_ROOT/images" "$TARE_ROOT/names" "$TARE_ROOT/tmp" \
    "$TARE_ROOT/downloads" -type f | head -3)
  [ -z "$left" ] || fail "left by $1: $left"
}

# lie WORDS LIE...: the pull fails, and says so.
lie() {
  local words=$1
  shift
  start_liar --base "$TMPDIR/layout" "$@"
  exits 1 timeout 20 tare pull "$LIAR/x:1" >"$TMPDIR/out" 2>"$TMPDIR/err"
  assert_contains "$(cat "$TMPDIR/err")" "$words"
  nothing_left "$*"
}

lie 'was asked for' wrong-content
lie 'were announced' long-layer
lie 'were announced' short-layer
lie 'were announced' endless-layer
lie 'were announced' wrong-size
lie 'announces' wrong-header
lie 'was asked for' loop
lie 'which is no type of a manifest' content-type=text/html
lie 'but was announced as' content-type=application/vnd.docker.distribution.manifest.v2+json
lie 'got elsewhere' foreign
lie 'no image but an artifact' artifact
lie 'than the 4194304 that there may be' huge
lie 'schema 1' schema1
