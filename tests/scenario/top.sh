# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# top lists the processes of a container, seen from outside, without running anything in it.
. "$TEST_LIB"
image_busybox

tare run -d --name web --network none busybox sh -c 'sleep 1000 & exec sleep 2000' >/dev/null
eventually 5 bash -c 'tare top web | grep -q "sleep 1000"'
table=$(tare top web)
assert_matches "$(head -n 1 <<<"$table")" '^UID +PID +PPID +C +STIME +TTY +TIME +CMD'
assert_eq "$(grep -c sleep <<<"$table")" 2
tare stop -t 0 web >/dev/null
not tare top web
