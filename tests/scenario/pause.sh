# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# A paused container does nothing, says so, and can go on, be stopped and be removed.
. "$TEST_LIB"
image_busybox

tare run -d --name web --network none busybox sh -c \
  'trap "echo bye; exit 3" TERM; n=0; while :; do n=$((n + 1)); echo $n; sleep 0.02; done' >/dev/null
eventually 10 logs_contain web 3
if ! error=$(tare pause web 2>&1); then
  [ "$TEST_AS" != root ] || fail "root cannot pause: $error"
  assert_contains "$error" 'control group'
  exit 0
fi
assert_eq "$error" web
assert_eq "$(tare inspect --format '{{.State.Status}} {{.State.Running}} {{.State.Paused}}' web)" 'paused true true'
assert_contains "$(tare ps)" '(Paused)'
assert_eq "$(tare ps -q --filter status=paused --no-trunc)" "$(tare inspect --format '{{.Id}}' web)"
before=$(tare logs web | wc -l)
pid=$(tare inspect --format '{{.State.Pid}}' web)
for _ in 1 2 3 4 5; do read -r _ </proc/self/stat; done
assert_eq "$(tare logs web | wc -l)" "$before" 'lines of a paused container'
error=$(tare pause web 2>&1) && fail 'paused twice'
assert_contains "$error" 'paused already'
error=$(tare exec web true 2>&1) && fail 'exec into a paused container'
assert_contains "$error" 'tare unpause web'
tare top web | grep -q sleep || tare top web | grep -q trap

assert_eq "$(tare unpause web)" web
assert_eq "$(tare inspect --format '{{.State.Status}} {{.State.Paused}}' web)" 'running false'
more_lines() { [ "$(tare logs web | wc -l)" -gt "$before" ]; }
eventually 10 more_lines
not tare unpause web 2>/dev/null

# stop lets it go on, so that it can end as it wants to.
tare pause web >/dev/null
tare stop -t 20 web >/dev/null
assert_eq "$(tare inspect --format '{{.State.ExitCode}} {{.State.Paused}}' web)" '3 false'
assert_contains "$(tare logs web)" bye
# The next start knows nothing of it.
tare start web >/dev/null
assert_eq "$(tare inspect --format '{{.State.Status}}' web)" running
tare pause web >/dev/null
tare kill web >/dev/null
eventually 10 status_is web exited
tare start web >/dev/null
tare pause web >/dev/null
tare rm -f web >/dev/null
[ ! -e "/proc/$pid" ] || fail 'a process is left'
