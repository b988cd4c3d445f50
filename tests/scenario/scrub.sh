# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# scrub reads everything again, at a limited rate and the lowest priority; killed, it goes on with the
# next layer; what it found is shown until a later one finds nothing.
. "$TEST_LIB"
image_busybox
assert_contains "$(tare info)" 'LastScrub: never'
# Two more layers of 1 MB, which nothing compresses.
for name in a b; do
  mkdir -p tree
  openssl enc -aes-128-ctr -pass "pass:$name" -nosalt -pbkdf2 </dev/zero 2>/dev/null | head -c 1000000 >tree/file || true
  tar -C tree -cf $name.tar .
  tare import -q $name.tar $name >/dev/null
done
begin=$SECONDS
tare scrub --rate 1m >out
assert_matches "$(cat out)" '^clean, finished 20'
[ $((SECONDS - begin)) -ge 2 ] || fail 'read faster than the rate'
assert_matches "$(tare info)" 'LastScrub: 20.*, clean'
assert_contains "$(tare df -v)" 'Scrub: finished 20'
assert_matches "$(tare df --format prometheus)" 'tare_scrub_finished_seconds [1-9]'

# Killed between two layers: what was read is not read again.
tare scrub --rate 300k >/dev/null &
scrub=$!
some_read() { grep -q ^done= "$TARE_ROOT/scrub"; }
eventually 20 some_read
grep -q '(' "/proc/$scrub/stat" && assert_eq "$(awk '{print $19}' "/proc/$scrub/stat")" 19 'niceness'
exits 1 tare scrub 2>err
assert_contains "$(cat err)" 'a scrub is under way already'
kill -9 $scrub
wait $scrub 2>/dev/null || true
assert_matches "$(tare scrub --status)" 'under way since 20.*, [1-9][0-9]* layers and images read'
done_before=$(grep -c ^done= "$TARE_ROOT/scrub")
[ "$done_before" -gt 0 ] || fail 'nothing was remembered'
first=$(sed -n 's/^done=//p' "$TARE_ROOT/scrub")

# What is damaged is found, named and remembered, also in what is left to read only.
find "$TARE_ROOT/layers" "$TARE_ROOT/objects" -type f \( -size 1000000c -o -size 1003520c \) >files
[ -s files ] || fail 'the contents of the two layers are nowhere'
while read -r file; do
  case " $first " in *"$(basename "${file%.*}")"*) continue ;; esac
  chmod u+w "$file"
  printf 'X' | dd of="$file" bs=1 seek=300000 conv=notrunc status=none
done <files
exits 1 tare scrub --rate 0 >out 2>err
assert_matches "$(cat out)" ': layer sha256:[0-9a-f]{64}: '
assert_contains "$(cat err)" 'tare fsck --repair'
assert_matches "$(tare info)" '[12] damaged'
exits 1 tare scrub --status >/dev/null 2>&1
assert_matches "$(tare df --format prometheus)" 'tare_scrub_damaged [12]'
tare rmi --no-undo a b >/dev/null
tare scrub
assert_contains "$(tare info)" ', clean'
