# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# exec into a container that stops whatever comes in: an answer in bounded time, which says so when it did not get to its program.
# needs: strace
. "$TEST_LIB"
image_busybox

tare run -d --name web --network none -v "$TEST_PROBES/probe-escape:/probe:ro" busybox /probe hostile stop-others >/dev/null
eventually 10 logs_contain web ready
# Of a program that runs already, a stop is its own affair, and nobody has to wait for it.
for _ in 1 2 3; do
  status=0
  timeout -k 1 40 tare exec -d web true >out 2>&1 </dev/null || status=$?
  [ $status = 0 ] || { [ $status = 125 ] && grep -q 'in the container stops the new process' out; } ||
    fail "exec -d: status $status: $(cat out)"
done
# One that takes its time on the way in is always caught.
status=0
timeout -k 1 60 strace -f -o /dev/null -e trace=prctl -e inject=prctl:delay_enter=100000 tare exec web true >out 2>&1 </dev/null || status=$?
assert_eq "$status" 125 "$(cat out): status"
assert_contains "$(cat out)" 'in the container stops the new process'
timeout 20 tare stop -t 0 web >/dev/null
tare rm web >/dev/null
