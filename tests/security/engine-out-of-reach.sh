# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# The engine's processes (command, launching process, keeper) cannot be seen, signalled or traced from inside.
. "$TEST_LIB"
image_busybox

tare run -d --name web --network none --cap-add ALL --security-opt seccomp=unconfined busybox sleep 1000 >/dev/null
pid=$(tare inspect --format '{{.State.Pid}}' web)
keeper=$(awk '/^PPid/{print $2}' "/proc/$pid/status")
assert_eq "$(cat "/proc/$keeper/comm")" tare-keeper
# From outside it can be seen, which is what a success looks like.
kill -0 "$keeper"
not tare exec web sh -c "[ -e /proc/$keeper ]"
not tare exec web kill -0 "$keeper"
not tare exec web kill -9 "$keeper"
assert_eq "$(tare exec web awk '/^PPid/{print $2}' /proc/1/status)" 0
# Everything that can be signalled is the container's own.
tare exec web kill -9 -1 || true
kill -0 "$keeper" || fail 'the keeper was killed from inside'
# Every process seen from inside is in the container's own pid namespace.
tare exec -d web sleep 999
seen=$(tare exec web sh -c 'ls -d /proc/[0-9]* | wc -l')
[ "$seen" -le 6 ] || fail "$seen processes are seen from inside"
status_is web running
