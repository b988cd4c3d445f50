# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# A reader that goes ends the client quietly, as any filter; a slow reader gets every byte.
. "$TEST_LIB"
image_busybox

assert_eq "$(tare run --name endless --network none busybox yes 2>errors | head -n 1)" y
assert_eq "$(cat errors)" ""
tare rm -f endless >/dev/null

mkfifo pipe
tare run --rm --network none busybox head -c 3000000 /dev/zero >pipe &
client=$!
exec 3<pipe
eventually 10 eval '[ "$(tare ps -q | wc -l)" = 1 ]'
assert_eq "$(wc -c <&3)" 3000000
exec 3<&-
wait $client
