# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# stats shows what containers use, in Docker's columns and by templates.
. "$TEST_LIB"
image_busybox

limit=()
if has_controller cpu; then limit=(--cpus 0.5); fi
tare run -d --name busy --network none "${limit[@]}" busybox sh -c 'while :; do :; done' >/dev/null
tare create --name idle busybox true >/dev/null
table=$(tare stats --no-stream 2>err)
assert_matches "$table" '^CONTAINER ID +NAME +CPU % +MEM USAGE / LIMIT +MEM % +NET I/O +BLOCK I/O +PIDS'
assert_contains "$table" busy
assert_lacks "$table" idle
assert_matches "$(tare stats --no-stream --all --format '{{.Name}}:{{.PIDs}}' 2>/dev/null)" 'idle:--'
if ! has_controller memory; then
  assert_contains "$table" '-- / --'
  assert_contains "$(cat err)" 'no control groups'
  exit 0
fi
assert_matches "$table" 'busy +[0-9.]+% +[0-9.]+[KM]iB / [0-9.]+GiB +[0-9.]+% +0B / 0B +[0-9.]+[kM]?B / [0-9.]+[kM]?B +1'
# Half a processor, give or take what else runs here.
percent=$(tare stats --no-stream --format '{{.CPUPerc}}' busy)
whole=${percent%%.*}
((whole >= 5 && whole <= 75)) || fail "$percent of a processor at --cpus 0.5"
assert_eq "$(tare stats --no-stream --no-trunc --format '{{.ID}}' busy)" "$(tare inspect --format '{{.Id}}' busy)"
assert_contains "$(tare stats --no-stream --format json busy)" '"Name":"busy"'
tare update -m 32m busy >/dev/null
assert_contains "$(tare stats --no-stream --format '{{.MemUsage}}' busy)" '/ 32MiB'
if [ -e /proc/pressure/cpu ]; then
  assert_matches "$(tare stats --no-stream --format '{{.Pressure}}' busy)" '^[0-9.]+% / [0-9.]+% / [0-9.]+%$|^--'
  assert_matches "$(tare stats --no-stream --pressure)" 'CPU WAITS +MEMORY WAITS +I/O WAITS'
fi
# It goes on until the container ends.
tare stats --format '{{.Name}}' busy >stream 2>&1 &
stream=$!
several() { [ "$(wc -l <stream)" -ge 2 ]; }
eventually 20 several
tare kill busy >/dev/null
wait $stream
not tare stats --no-stream nobody 2>/dev/null
