# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2119,SC2164
# as: root user
# needs: skopeo python3
# A registry that wants our memory, our time or our services: refused in a sentence, with less than 100
# MB in every process, and nothing of it stays.
. "$TEST_LIB"
# shellcheck source=tests/registry.sh
. "$(dirname "$TEST_LIB")/registry.sh"

skopeo copy -q "docker-archive:$TEST_CACHE/busybox-docker.tar" "oci:$TMPDIR/layout:1"
image_busybox
usage() { tare df | grep -v -e ^bookkeeping -e ^total; }
usage >"$TMPDIR/before"

# refused WORDS ARGUMENTS...: a pull of these.
refused() {
  local words=$1 status=0
  shift
  "$(dirname "$TEST_LIB")/tools/peak" "$TMPDIR/peak" timeout 25 tare pull -q "$@" >"$TMPDIR/out" 2>&1 || status=$?
  [ $status = 1 ] || fail "$*: status $status: $(cat "$TMPDIR/out")"
  assert_contains "$(cat "$TMPDIR/out")" "$words" "$*"
  [ "$(cat "$TMPDIR/peak")" -lt 102400 ] || fail "$*: $(cat "$TMPDIR/peak") KiB of memory"
  [ "$(wc -c <"$TMPDIR/out")" -lt 3000 ] || fail "$*: says $(wc -c <"$TMPDIR/out") bytes"
  usage >"$TMPDIR/after"
  cmp -s "$TMPDIR/before" "$TMPDIR/after" || fail "left by $*: $(diff "$TMPDIR/before" "$TMPDIR/after")"
}
start_liar --base "$TMPDIR/layout" @retry retry-forever @pages pages @encoding encoding @headers many-headers \
  @file location=file:///etc/passwd @gopher location=gopher://127.0.0.1/x @self location=/v2/self/blobs/x \
  @user location=http://ann:word@127.0.0.1/x @newline $'location=http://127.0.0.1/\x01x' \
  @range wrong-range cut=1 @exa size=9000000000000000000 @wide wide
refused 'come back in 315360000 seconds' "$LIAR/retry:1"
refused 'page after page' -a "$LIAR/pages"
refused 'manifest' "$LIAR/encoding:1"
refused '' "$LIAR/headers:1"
refused 'neither an http nor an https URL' "$LIAR/file:1"
refused 'neither an http nor an https URL' "$LIAR/gopher:1"
refused '' "$LIAR/self:1"
refused 'a user in it' "$LIAR/user:1"
refused '' "$LIAR/newline:1"
refused 'another part than was asked for' "$LIAR/range:1"
refused 'room for' "$LIAR/exa:1"
refused 'more than 200000 values' "$LIAR/wide:1"
start_liar --base "$TMPDIR/layout" --token big-token
refused '' "$LIAR/x:1"
tare fsck >/dev/null
