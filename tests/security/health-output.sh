# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# What a probe says is a stranger's: it fills neither memory nor disk, commands no terminal, and a probe that
# hangs or leaves something behind ends with its time.
. "$TEST_LIB"
image_busybox
health() { tare inspect --format "{{$1}}" hostile; }
begin() {
  tare rm -f hostile >/dev/null 2>&1 || true
  tare run -d --name hostile --network none --health-interval 1h --health-timeout "${2-20s}" --health-cmd "$1" busybox sleep 1000 >/dev/null
}
# Endless lines.
begin 'yes | head -c 50000000'
tare healthcheck run hostile >said 2>&1 || true
[ "$(stat -c %s said)" -lt 100000 ] || fail "it says $(stat -c %s said) bytes"
[ "$(health 'json .State.Health.Log' | wc -c)" -lt 100000 ] || fail 'all of it is kept'
# Escapes.
begin 'printf "\033]0;owned\007\033[2Jtext"; exit 1'
tare healthcheck run hostile >said 2>&1 || true
not grep -q "$(printf '\033')" said
tare ps >said
not grep -q "$(printf '\033')" said
# One that does not end, and one whose child does not.
begin 'sleep 1000' 500ms
begun=$SECONDS
not tare healthcheck run hostile >/dev/null 2>&1
[ $((SECONDS - begun)) -lt 10 ] || fail 'it is not ended by its time'
assert_eq "$(tare exec hostile sh -c 'ps | grep -c "[s]leep 1000"')" 1 'programs that sleep'
