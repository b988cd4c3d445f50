# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# kill -9 of the keeper ends its container, and the next command cleans up and says so.
# as: root user
. "$TEST_LIB"
image_busybox

tare run -d --name web --network none busybox sleep 1000 >/dev/null
pid=$(tare inspect --format '{{.State.Pid}}' web)
keeper=$(awk '/^PPid/{print $2}' "/proc/$pid/status")
kill -9 "$keeper"
eventually 5 bash -c "! kill -0 $pid 2>/dev/null"
eventually 5 status_is web exited
[ "$(tare inspect --format '{{.State.ExitCode}}' web)" != 0 ] || fail 'exit code 0 of a container that was killed'
tare start web >/dev/null
status_is web running
