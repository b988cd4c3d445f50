# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# A container that writes without end does not fill the disk; what is kept is the newest.
. "$TEST_LIB"
image_busybox

tare run --name chatty --network none --log-opt max-size=100k --log-opt max-file=2 busybox \
  sh -c 'i=0; while [ $i -lt 20000 ]; do echo "line $i of a program that talks too much"; i=$((i + 1)); done' >/dev/null
kept=$(du -sck "$TARE_ROOT"/containers/*/log | tail -n 1 | cut -f 1)
tare logs chatty >out
assert_eq "$(tail -n 1 out)" 'line 19999 of a program that talks too much'
[ "$(wc -c <out)" -le 250000 ] || fail "$(wc -c <out) bytes of log are kept of at most 200k"
[ "$(wc -l <out)" -gt 500 ] || fail 'hardly anything of the log is kept'
tare run -d --name one-line --network none busybox sh -c 'head -c 300000 /dev/zero | tr "\0" x; echo; echo end' >/dev/null
tare wait one-line >/dev/null
assert_eq "$(tare logs one-line | wc -c)" 300005
[ "$kept" -lt 400 ] || fail "the log takes $kept kB"
