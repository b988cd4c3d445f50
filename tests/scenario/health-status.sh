# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# A health check as Docker's: starting, healthy, unhealthy after failures in a row, what was said of the last
# five, what ps and its filter show, and a start that begins anew.
. "$TEST_LIB"
image_busybox

health() { tare inspect --format "{{.State.Health.$2}}" "$1"; }
health_is() { [ "$(health "$1" Status)" = "$2" ]; }
log_has() { [ "$(tare inspect --format '{{len .State.Health.Log}}' "$1")" -ge "$2" ]; }

tare run -d --name web --network none --user 1000 -w /tmp -e A=b --health-interval 100ms --health-retries 3 \
  --health-cmd 'echo "I am $(id -u) in $PWD with $A"; cat /tmp/well' busybox sleep 1000 >/dev/null
assert_eq "$(health web Status)" starting
assert_contains "$(tare ps)" '(health: starting)'
eventually 10 log_has web 1
tare exec web touch /tmp/well
eventually 10 health_is web healthy
assert_contains "$(tare ps)" '(healthy)'
id=$(tare inspect --format '{{.Id}}' web)
assert_eq "$(tare ps -q --no-trunc --filter health=healthy)" "$id"
assert_eq "$(tare ps -q --no-trunc --filter health=none)" ''
exits 1 tare ps --filter health=dead 2>/dev/null
assert_eq "$(health web FailingStreak)" 0
assert_contains "$(tare inspect --format '{{json .State.Health.Log}}' web)" 'I am 1000 in /tmp with b'

# One failure does not make it unhealthy, three do.
tare exec web rm /tmp/well
streak_begins() { [ "$(health web FailingStreak)" -ge 1 ]; }
eventually 10 streak_begins
eventually 10 health_is web unhealthy
[ "$(health web FailingStreak)" -ge 3 ] || fail "unhealthy after $(health web FailingStreak) failures"
assert_contains "$(tare ps)" '(unhealthy)'
eventually 10 log_has web 5
assert_eq "$(tare inspect --format '{{len .State.Health.Log}}' web)" 5 'probes that are shown'
assert_contains "$(tare inspect --format '{{json .State.Health.Log}}' web)" "can't open '/tmp/well'"
assert_matches "$(tare inspect --format '{{json .State.Health.Log}}' web)" '"ExitCode":1'
tare exec web touch /tmp/well
eventually 10 health_is web healthy

# Who does not run is not healthy, and the next start begins anew.
tare stop -t 0 web >/dev/null
assert_eq "$(health web Status)" unhealthy
assert_lacks "$(tare ps -a)" healthy
tare start web >/dev/null
assert_matches "$(health web Status)" 'starting|^healthy'
eventually 10 health_is web healthy
assert_contains "$(tare inspect --format '{{json .Config.Healthcheck}}' web)" '"Interval":100000000'

# By hand, with an interval that never comes.
tare run -d --name slow --network none --health-interval 1h --health-cmd 'test -e /well || { echo "not yet"; exit 7; }' \
  busybox sleep 1000 >/dev/null
exits 1 tare healthcheck run slow >said
assert_contains "$(cat said)" 'not yet'
assert_contains "$(tare inspect --format '{{json .State.Health.Log}}' slow)" '"ExitCode":7'
tare exec slow touch /well
assert_contains "$(tare healthcheck run slow)" healthy
assert_eq "$(health slow Status)" healthy
tare run -d --name plain --network none busybox sleep 1000 >/dev/null
exits 125 tare healthcheck run plain 2>err
assert_contains "$(cat err)" 'has no health check'
assert_eq "$(tare inspect --format '{{if .State.Health}}{{.State.Health.Status}}{{else}}no check{{end}}' plain)" 'no check'
