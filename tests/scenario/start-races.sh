# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# start beside kill, rm, ps and another start: each gives an answer, and what is left is a container that works or none.
. "$TEST_LIB"
image_busybox

for i in 1 2 3 4 5 6 7 8; do
  tare create --name web --network none busybox sleep 1000 >/dev/null
  timeout 60 tare start web >start.log 2>&1 &
  timeout 60 tare start web >start2.log 2>&1 &
  [ $((i % 2)) = 0 ] || timeout 60 tare ps -a >/dev/null &
  case $((i % 4)) in
    0) timeout 60 tare kill web >other.log 2>&1 || true ;;
    1) timeout 60 tare rm -f web >other.log 2>&1 || true ;;
    2) timeout 60 tare stop -t 0 web >other.log 2>&1 || true ;;
    3) if timeout 60 tare rename web other >other.log 2>&1; then timeout 60 tare rename other web; fi ;;
  esac
  for job in $(jobs -p); do
    status=0
    wait "$job" || status=$?
    [ $status != 124 ] || fail "a command hangs in round $i: $(cat start.log start2.log other.log)"
  done
  if tare inspect web >/dev/null 2>&1; then
    state=$(tare inspect --format '{{.State.Status}}' web)
    assert_matches "$state" '^(running|exited|created)$'
    [ "$state" = running ] || tare start web >/dev/null
    tare exec web true
    tare rm -f web >/dev/null
  fi
  assert_eq "$(tare ps -aq)" '' "containers after round $i"
done
# A start does not lose its processes to somebody who looks at the container meanwhile.
tare create --name web --network none busybox sleep 1000 >/dev/null
(while [ ! -e stop ]; do tare ps -a >/dev/null; done) &
for _ in 1 2 3 4 5 6 7 8 9 10; do
  tare start web >/dev/null
  status_is web running || fail 'ps ended a container that was being started'
  tare kill web >/dev/null
done
touch stop
wait
