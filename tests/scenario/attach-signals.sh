# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# Signals that the command gets go to the program; attach shows output from now on.
. "$TEST_LIB"
image_busybox

tare run --name web --network none busybox sh -c \
  'trap "echo got-it; exit 3" TERM; echo ready; while :; do sleep 0.05; done' >client.log &
client=$!
eventually 10 grep -q ready client.log
kill -TERM $client
status=0
wait $client || status=$?
assert_eq $status 3
assert_contains "$(cat client.log)" got-it

tare run -d -i --name cat --network none busybox cat >/dev/null
assert_eq "$(echo over | timeout 20 tare attach cat)" over
eventually 5 status_is cat exited
