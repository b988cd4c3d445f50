# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# as: root user
# needs: python3
# Manifests, configs and indexes that lie, are huge, or go round in circles: a sentence each, less than
# 100 MB of memory, and nothing that stays.
. "$TEST_LIB"

"$(dirname "$TEST_LIB")/tools/make-documents" "$TEST_CACHE/busybox.tar" cases
for case in cases/*; do
  name=$(basename "$case")
  status=0
  "$(dirname "$TEST_LIB")/tools/peak" "$TMPDIR/peak" timeout 20 tare load -i "$case" >"$TMPDIR/out" 2>&1 || status=$?
  [ $status = 1 ] || fail "$name: status $status: $(cat "$TMPDIR/out")"
  [ "$(cat "$TMPDIR/peak")" -lt 102400 ] || fail "$name: $(cat "$TMPDIR/peak") KiB of memory"
  [ "$(wc -c <"$TMPDIR/out")" -lt 3000 ] || fail "$name: says $(wc -c <"$TMPDIR/out") bytes"
  ! grep -q $'\x1b' "$TMPDIR/out" || fail "$name: an escape sequence on the terminal"
  ! grep -qi 'internal' "$TMPDIR/out" || fail "$name: $(cat "$TMPDIR/out")"
done
assert_eq "$(tare images -aq)" ''
assert_eq "$(find "$TARE_ROOT/tmp" "$TARE_ROOT/blobs" "$TARE_ROOT/layers" -type f | head -1)" ''
