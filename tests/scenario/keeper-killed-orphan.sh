# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# A process 1 that took off its parent-death signal outlives its keeper, until the next command looks.
# as: root user
. "$TEST_LIB"
image_busybox

for again in ps start rm; do
  tare run -d --name web --network none -v "$TEST_PROBES/probe-escape:/probe:ro" busybox /probe hostile orphan >/dev/null
  eventually 10 logs_contain web ready
  pid=$(tare inspect --format '{{.State.Pid}}' web)
  keeper=$(awk '/^PPid/{print $2}' "/proc/$pid/status")
  kill -9 "$keeper"
  eventually 5 bash -c "! kill -0 $keeper 2>/dev/null"
  kill -0 "$pid" || fail 'it died with its keeper: this tests nothing'
  case $again in
    ps) tare ps -a >/dev/null ;;
    start) tare start web >/dev/null ;;
    rm) tare rm web >/dev/null ;;
  esac
  eventually 5 bash -c "! kill -0 $pid 2>/dev/null"
  tare rm -f web >/dev/null 2>&1 || true
  assert_eq "$(tare ps -aq)" ''
done
