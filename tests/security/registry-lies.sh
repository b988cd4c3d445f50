# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2119,SC2164
# as: root user
# needs: skopeo python3
# A registry that lies gets a clear refusal, and nothing of it stays: no image, no blob, no part.
. "$TEST_LIB"
# shellcheck source=tests/registry.sh
. "$(dirname "$TEST_LIB")/registry.sh"

skopeo copy -q "docker-archive:$TEST_CACHE/busybox-docker.tar" "oci:$TMPDIR/layout:1"

nothing_left() {
  local left
  tare images -q >/dev/null # What was left is swept.
  left=$(find "$TARE_ROOT/blobs" "$TARE_ROOT/images" "$TARE_ROOT/names" "$TARE_ROOT/tmp" \
    "$TARE_ROOT/downloads" -type f | head -3)
  [ -z "$left" ] || fail "left by $1: $left"
}

# lie REPOSITORY WORDS: the pull fails, and says so.
lie() {
  exits 1 timeout 20 tare pull "$LIAR/$1:1" >"$TMPDIR/out" 2>"$TMPDIR/err"
  assert_contains "$(cat "$TMPDIR/err")" "$2"
  nothing_left "$1"
}

start_liar --base "$TMPDIR/layout" @wrong wrong-content @long long-layer @short short-layer \
  @endless endless-layer @size wrong-size @header wrong-header @loop loop @html content-type=text/html \
  @docker content-type=application/vnd.docker.distribution.manifest.v2+json @foreign foreign \
  @artifact artifact @huge huge @old schema1
lie wrong 'was asked for'
lie long 'were announced'
lie short 'were announced'
lie endless 'were announced'
lie size 'were announced'
lie header 'announces'
lie loop 'was asked for'
lie html 'which is no type of a manifest'
lie docker 'but was announced as'
lie foreign 'got elsewhere'
lie artifact 'no image but an artifact'
lie huge 'than the 4194304 that there may be'
lie old 'schema 1'
