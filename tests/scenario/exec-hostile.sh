# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# exec into a container whose process 1 does everything to be left alone gives an answer in bounded time, and the container can still be ended and removed.
. "$TEST_LIB"
image_busybox

hostile_container() {
  local how=$1
  shift
  tare run -d --name web --network none -v "$TEST_PROBES/probe-escape:/probe:ro" "$@" busybox /probe hostile "$how" >/dev/null
  eventually 10 logs_contain web ready
}
# answers WHAT COMMAND...: any status, in time.
answers() {
  local what=$1 status=0 begin=$SECONDS
  shift
  timeout -k 1 20 "$@" >out 2>&1 </dev/null || status=$?
  [ $((SECONDS - begin)) -lt 19 ] || fail "$what: '$*' hangs: $(cat out)"
  echo $status >status
}
ends() {
  answers "$1" tare top web
  answers "$1" tare exec -d web true
  answers "$1" tare stop -t 0 web
  assert_eq "$(cat status)" 0 "status of stop, $1"
  answers "$1" tare rm -f web
  assert_eq "$(tare ps -aq)" '' "$1"
}

# Those that cannot do anything about it: exec works.
for how in stop-itself ignore close-all; do
  hostile_container $how
  answers $how tare exec web echo inside
  assert_eq "$(cat out)" inside "$how"
  ends $how
done
# One that kills what comes in: some answer.
hostile_container kill-others
for _ in 1 2 3 4 5; do answers kill-others tare exec web sleep 0; done
ends kill-others
# One that takes hold of it: of the program only when it is that already, which is then like one that
# does not end; of its death it may keep what happened to itself.
hostile_container trace-others --cap-add SYS_PTRACE --security-opt seccomp=unconfined
for _ in 1 2 3 4 5; do answers trace-others tare exec -d web true; done
ends trace-others
if tare run --rm --network none --pids-limit 30 busybox true 2>/dev/null; then  # Not for every user.
  hostile_container fill-pids --pids-limit 30
  eventually 10 bash -c '[ "$(tare top web | wc -l)" -ge 25 ]'
  answers fill-pids tare exec web true
  ends fill-pids
else
  tare rm -f "$(tare ps -aq)" >/dev/null 2>&1 || true
fi
hostile_container mount-over --cap-add SYS_ADMIN --security-opt seccomp=unconfined
answers mount-over tare exec web /probe
answers mount-over tare exec -i web /probe
answers mount-over tare exec -u nobody web /probe
assert_matches "$(cat status)" '^12[567]$'
ends mount-over
