# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# An interrupt ends what runs and leaves nothing.
. "$TEST_LIB"
image_busybox
mkdir app
printf 'FROM busybox\nRUN echo begun && sleep 1000\n' >app/Dockerfile
tare build --network none -t app app >log 2>&1 &
pid=$!
eventually 20 grep -q 's begun' log
kill -TERM $pid
status=0
wait $pid || status=$?
assert_eq "$status" 1
assert_contains "$(cat log)" interrupted
assert_eq "$(find "$TARE_ROOT/containers" -mindepth 1 | wc -l)" 0
assert_eq "$(find "$TARE_ROOT/tmp" -mindepth 1 | wc -l)" 0
