# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# kill -9 of store move between any two steps: the old store is in charge, whole, or the new one; the
# next move works, and nothing is left of the other.
# as: root user
. "$TEST_LIB"
first=$TARE_ROOT
export TARE_ROOT=$TEST_DIR/home/store
mkdir home
tare load -q -i "$TEST_CACHE/busybox-docker.tar" >/dev/null
tare run --name kept --network none busybox sh -c 'echo hello >/file'
n=0
for point in move.prepared move.contents move.rest move.linked move.switched; do
  n=$((n + 1))
  rm -f "$TMPDIR/hit"
  status=0
  TARE_FAILPOINT=$point TARE_FAILPOINT_HIT=$TMPDIR/hit PATH=$TEST_FAILPOINTS:$PATH \
    tare store move -q "place$n" >out 2>&1 || status=$?
  [ -e "$TMPDIR/hit" ] || fail "$point is not reached (status $status): $(cat out)"
  # Whichever it is, all is there.
  assert_eq "$(tare ps -a --format '{{.Names}}')" kept "containers after $point"
  assert_eq "$(tare fsck)" 'the store is clean' "fsck after $point"
  assert_eq "$(tare start -a kept; cat "$TARE_ROOT"/containers/*/upper/file)" hello "file after $point"
  assert_eq "$(tare df 2>&1 >/dev/null)" '' "what is not known after $point"
  if [ $point = move.switched ]; then
    assert_eq "$(tare store path)" "$TEST_DIR/place$n"
  else
    tare store move -q "place$n"
    assert_eq "$(tare store path)" "$TEST_DIR/place$n" "the place after $point"
  fi
  tare run --rm --network none busybox true
done
alone() { tare ps >/dev/null && [ "$(ls -A home)" = store ] && [ -z "$(ls "$TARE_ROOT/trash")" ]; }
eventually 20 alone
for i in 1 2 3 4; do [ -L "place$i" ] || fail "place$i is no link"; done
not ls -d ./.place* 2>/dev/null
tare rm kept >/dev/null
export TARE_ROOT=$first
