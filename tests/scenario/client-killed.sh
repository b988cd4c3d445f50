# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# kill -9 of the command that started it does not touch a container, its log or its exit code.
. "$TEST_LIB"
image_busybox

tare run --name web --network none busybox sh -c \
  'echo started; while [ ! -e /tmp/go ]; do sleep 0.05; done; echo finished; exit 6' >client.log 2>&1 &
client=$!
eventually 10 logs_contain web started
kill -9 $client
wait $client || true
status_is web running || fail 'the container died with its client'
tare exec web touch /tmp/go
assert_eq "$(tare wait web)" 6
assert_eq "$(tare logs web)" $'started\nfinished'
# The same for one that removes itself: nothing of it stays.
tare run --rm --name gone --network none busybox sh -c 'echo started; exec sleep 1000' >client.log 2>&1 &
client=$!
eventually 10 logs_contain gone started
kill -9 $client
wait $client || true
tare kill gone >/dev/null
eventually 10 bash -c '[ -z "$(tare ps -aq --filter name=gone)" ]'
