# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2030,SC2031
# kill -9 of a build when a step is kept and its result is not yet used, and while a program of RUN runs: the
# next build finds whole steps or does them, and nothing of the killed one stays.
# as: root user
. "$TEST_LIB"
image_busybox
mkdir app
echo file >app/file
cat >app/Dockerfile <<'TEXT'
FROM busybox
COPY file /file
RUN cat /file >/copy
WORKDIR /here
TEXT
clean() {
  tare ps -a >/dev/null || return 1
  [ -z "$(ls -A "$TARE_ROOT/tmp")$(ls -A "$TARE_ROOT/trash")$(ls -A "$TARE_ROOT/containers")" ]
}
first=$(tare build -q --network none app)
tare rmi "$first" >/dev/null
tare builder prune -af >/dev/null
(
  export TARE_FAILPOINT=build.step TARE_FAILPOINT_HIT=$TMPDIR/hit PATH=$TEST_FAILPOINTS:$PATH
  timeout 30 tare build -q --network none app
  exit $?
) >"$TMPDIR/out" 2>&1 || true
[ -e "$TMPDIR/hit" ] || fail "build.step is not reached: $(cat "$TMPDIR/out")"
eventually 10 clean
tare build --network none -t app app 2>log || fail "$(cat log)"
assert_contains "$(cat log)" '1 of 3 steps were there'
assert_eq "$(tare inspect --format '{{.Id}}' app)" "$first"

printf 'FROM busybox\nRUN echo begun && sleep 2\nRUN touch /after\n' >app/Dockerfile
tare build --network none app >log 2>&1 &
eventually 20 grep -q 's begun' log
kill -KILL $!
wait $! || true
# Its program ends by itself, and is taken away then.
eventually 30 clean
tare build -q --network none -t again app >/dev/null
tare run --rm --network none again test -e /after
