# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# kill -9 of a probe before and after its result is written: what is there is whole, and the next probe goes on.
# as: root user
. "$TEST_LIB"
image_busybox
tare run -d --name web --network none --health-interval 1h --health-cmd 'echo fine' busybox sleep 1000 >/dev/null
status() { tare inspect --format '{{.State.Health.Status}}' web; }
for point in health.probed health.noted; do
  rm -f "$TMPDIR/hit"
  (
    export TARE_FAILPOINT=$point TARE_FAILPOINT_HIT=$TMPDIR/hit PATH=$TEST_FAILPOINTS:$PATH
    timeout 30 tare healthcheck run web
    exit $?
  ) >"$TMPDIR/out" 2>&1 || true
  [ -e "$TMPDIR/hit" ] || fail "$point is not reached: $(cat "$TMPDIR/out")"
  assert_matches "$(status)" '^(starting|healthy)$'
done
assert_contains "$(tare healthcheck run web)" healthy
assert_eq "$(status)" healthy
