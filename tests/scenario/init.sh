# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# --init: process 1 reaps orphans and passes signals on.
. "$TEST_LIB"
image_busybox

tare run -d --name web --init --network none busybox sh -c \
  'trap "exit 8" TERM; (sleep 0.1 & ) ; echo ready; while :; do sleep 0.05; done' >/dev/null
eventually 5 logs_contain web ready
not test "$(tare exec web cat /proc/1/comm)" = sh
eventually 5 bash -c '! tare exec web ps -o stat | grep -q Z'
tare stop web >/dev/null
assert_eq "$(tare wait web)" 8
exits 127 tare run --rm --init --network none busybox no-such-program
