# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# Creates and starts that are held up in the middle of their claim: still one wins, and the others take nothing from it.
# needs: jq strace
. "$TEST_LIB"
. "$(dirname "$TEST_LIB")/oci.sh"

c=claim-$$
bundle b
# slowly CALL MICROSECONDS COMMAND...: tare-oci, each of these system calls that much later.
slowly() { strace -o /dev/null -e "trace=$1" -e "inject=$1:delay_enter=$2" tare-oci --root "$STATE" "${@:3}"; }

# Between the name and its lock, and while what is found there is looked at.
for round in 1 2 3 4; do
  rm -f winners err.*
  for n in $(seq 1 12); do
    { ! slowly flock $((n * 7919 * round % 60000)) create -b b $c >/dev/null 2>"err.$n" || echo "$n" >>winners; } &
  done
  wait
  assert_eq "$(wc -l <winners)" 1 'creates that won'
  for n in $(seq 1 12); do grep -qx "$n" winners || assert_contains "$(cat "err.$n")" 'exists already'; done
  assert_eq "$(oci_status $c)" created
  oci delete --force $c
  nothing_left
done

# Connected, but not the one that is heard: the process is stopped until all are in the queue.
oci create -b b $c
kill -STOP "$(oci_pid $c)"
rm -f winners
for n in 1 2 3; do
  { ! slowly unlinkat 300000 start $c 2>"start.$n" || echo "$n" >>winners; } &
done
# The first has connected when the socket has no name any more; the others did before, or are refused.
eventually 10 test ! -e "$STATE/$c/start"
kill -CONT "$(oci_pid $c)"
wait
assert_eq "$(wc -l <winners)" 1 'starts that won'
for n in 1 2 3; do grep -qx "$n" winners || assert_contains "$(cat "start.$n")" 'cannot be started'; done
oci delete --force $c
nothing_left
