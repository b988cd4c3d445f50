# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# stop sends the stop signal and then SIGKILL; kill sends any signal.
. "$TEST_LIB"
image_busybox

tare run -d --name polite --network none busybox sh -c \
  'trap "echo bye; exit 5" TERM; echo ready; while :; do sleep 0.05; done' >/dev/null
eventually 5 logs_contain polite ready
assert_eq "$(tare stop polite)" polite
assert_eq "$(tare wait polite)" 5
assert_contains "$(tare logs polite)" bye

tare run -d --name deaf --network none busybox sh -c 'trap "" TERM; while :; do sleep 1; done' >/dev/null
tare stop -t 1 deaf >/dev/null
assert_eq "$(tare inspect --format '{{.State.ExitCode}}' deaf)" 137

tare run -d --name own --stop-signal USR1 --network none busybox sh -c \
  'trap "exit 9" USR1; echo ready; while :; do sleep 0.05; done' >/dev/null
eventually 5 logs_contain own ready
tare stop own >/dev/null
assert_eq "$(tare wait own)" 9

tare run -d --name hup --network none busybox sh -c \
  'trap "exit 4" HUP; echo ready; while :; do sleep 0.05; done' >/dev/null
eventually 5 logs_contain hup ready
tare kill -s HUP hup >/dev/null
assert_eq "$(tare wait hup)" 4
not tare kill hup
not tare kill -s NOSUCH hup
tare start hup >/dev/null
eventually 5 status_is hup running
tare kill hup >/dev/null
assert_eq "$(tare wait hup)" 137
