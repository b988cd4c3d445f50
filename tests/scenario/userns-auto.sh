# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# --userns auto:size=N gives as many ids as asked for, and nobody else gets one of them, whatever the
# sizes and however many starts there are at once.
. "$TEST_LIB"
image_busybox

# Its first id outside and their number.
ids_of() { tare inspect --format '{{range .Tare.IdMap}}{{.}} {{end}}' "$1"; }

assert_eq "$(tare run --rm --network none --userns auto:size=1000 busybox cat /proc/self/uid_map |
  awk '{print $1, $3}')" '0 1000'
exits 125 tare run --rm --network none --userns auto:size=1000 -u 1000 busybox true

pids=()
for i in 1 2 3 4; do
  tare create --name "small$i" --network none --userns auto:size=1500 busybox true >/dev/null &
  pids+=($!)
  tare create --name "usual$i" --network none busybox true >/dev/null &
  pids+=($!)
done
tare create --name wide --network none --userns auto:size=5000 busybox true >/dev/null &
pids+=($!)
for pid in "${pids[@]}"; do wait "$pid"; done
for name in $(tare ps -a --format '{{.Names}}'); do
  ids_of "$name" | tr ' ' '\n' | sed '/^$/d'
done | awk -F: '{print $2, $2 + $3}' | sort -n >ranges
awk '$1 < end {print "overlap at", $1; bad = 1} {end = $2} END {exit bad}' ranges || fail 'ids were given twice'
assert_eq "$(ids_of wide | cut -d: -f3 | tr -d ' ')" 5000
tare rm wide >/dev/null

# What does not exist is refused by name.
for mode in auto:size=0 auto:size=x auto:size=4294967295 auto:colour=1 nomap ns:/proc/1/ns/user keep-id:size=3 \
  host:uid=1 auto:uidmapping=1:2 blue; do
  exits 125 tare create --network none --userns "$mode" busybox true 2>message
  assert_matches "$(cat message)" "userns|ids are more"
done
