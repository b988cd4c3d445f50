# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# Of many creates of one id one wins, of many starts one starts; what a killed create leaves is cleaned by delete --force.
# needs: jq
. "$TEST_LIB"
. "$(dirname "$TEST_LIB")/oci.sh"

c=race-$$
bundle b
for n in $(seq 1 100); do
  { oci create -b b $c >/dev/null 2>"err.$n" && echo "$n" >>winners || echo "$n" >>losers; } &
done
wait
assert_eq "$(wc -l <winners)" 1 'creates that won'
assert_eq "$(wc -l <losers)" 99
rm "err.$(cat winners)"
for file in err.*; do assert_contains "$(cat "$file")" 'exists already'; done
assert_eq "$(oci_status $c)" created

runs b 'echo x >>/starts; sleep 1000'
oci delete --force $c
oci create -b b $c
for n in $(seq 1 20); do if oci start $c 2>/dev/null; then echo "$n" >>starters; fi & done
wait
assert_eq "$(wc -l <starters)" 1 'starts that won'
eventually 5 oci_is $c running
eventually 5 test -s b/rootfs/starts
assert_eq "$(wc -l <b/rootfs/starts)" 1
for n in $(seq 1 10); do if oci delete --force $c 2>>"delete.$n"; then echo "$n" >>deleters; fi & done
wait
[ -s deleters ] || fail "nobody deleted it: $(cat delete.*)"
oci delete --force $c
nothing_left

# Killed at any moment.
runs b 'sleep 1000'
for n in $(seq 1 40); do

  tare-oci --root "$STATE" create -b b $c >/dev/null 2>&1 </dev/null &
  pid=$!
  sleep "0.0$(printf %02d $((n * 2 % 100)))"
  kill -KILL $pid 2>/dev/null || true
  wait $pid 2>/dev/null || true
  oci list >/dev/null
  oci delete --force $c || fail "delete --force after a killed create ($n)"
  nothing_left
  oci create -b b $c 2>err || fail "create after a killed one ($n): $(cat err)"
  oci delete --force $c
done
nothing_left
