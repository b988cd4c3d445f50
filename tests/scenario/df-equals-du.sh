# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# df counts every byte below the store's root: its sum is du's, with all that can be in a store.
. "$TEST_LIB"
export TARE_UNDO_TIME=1h

image_busybox
tare tag busybox other
tare run --name stopped --network none busybox sh -c 'dd if=/dev/zero of=/big bs=1k count=300; ln /big /again; mkfifo /pipe; ln -s /etc /link' >/dev/null 2>&1
tare run -d --name gone --network none busybox true >/dev/null
eventually 10 status_is gone exited
tare rm gone >/dev/null
tar -C "$TEST_CACHE/rootfs" -cf - . | tare import -q - second >/dev/null
tare rmi second >/dev/null
tare run --rm --network none -v kept:/v busybox sh -c 'dd if=/dev/zero of=/v/big bs=1k count=200' >/dev/null 2>&1
tare run --rm --network none -v lost:/v busybox sh -c 'dd if=/dev/zero of=/v/big bs=1k count=100' >/dev/null 2>&1
tare volume rm lost >/dev/null
# An ordinary user's du may not look into what root inside has closed to others; df may.
du_store() {
  if [ "$TEST_AS" = user ]; then total; else du -s --block-size=1 "$TARE_ROOT" | cut -f 1; fi
}
total() { tare df --format '{{if eq .Class "total"}}{{.Bytes}}{{end}}' | tr -d '\n'; }
quiet() { [ -z "$(ls "$TARE_ROOT/trash")" ]; }
eventually 10 quiet
assert_eq "$(total)" "$(du_store)" 'sum of df'
# Each row's bytes make the sum.
tare df --format '{{.Class}} {{.Bytes}}' >rows
assert_eq "$(awk '$1 != "total" {sum += $2} END {print sum}' rows)" "$(awk '$1 == "total" {print $2}' rows)" 'sum of classes'
for class in blobs rootfs upper volumes bin bookkeeping; do
  grep -q "^$class [1-9]" rows || fail "no $class: $(cat rows)"
done
assert_eq "$(awk '$1 == "other"' rows)" '' 'what is not known'
# What somebody else puts there is counted, and named.
head -c 70000 /dev/zero >"$TARE_ROOT/notes"
mkdir "$TARE_ROOT/odd"
tare df >out 2>err
assert_contains "$(cat err)" "'notes' in the store is not of Tare"
assert_contains "$(cat out)" other
assert_eq "$(total)" "$(du_store)" 'sum of df with strange files'
rm -r "$TARE_ROOT/notes" "$TARE_ROOT/odd"
# Docker's table.
tare system df >out
assert_contains "$(head -1 out)" 'TYPE'
grep -Eq '^Images +1 +1 ' out || fail "$(cat out)"
grep -Eq '^Containers +1 +0 ' out || fail "$(cat out)"
grep -Eq '^Local Volumes +1 +0 ' out || fail "$(cat out)"
tare df -v >out
grep -Eq '^kept +0 +.*unused$' out || fail "$(cat out)"
grep -Eq '^lost +0 +.*removed$' out || fail "$(cat out)"
grep -Eq '^stopped .*exited$' out || fail "$(cat out)"
grep -Eq '^gone .*removed$' out || fail "$(cat out)"
assert_contains "$(tare df --format prometheus)" 'tare_store_bytes{class="blobs"} '
# Whose is it?
blob=$(tare inspect --format '{{.Id}}' busybox)
assert_contains "$(tare df --why "blobs/sha256/${blob#sha256:}")" 'part of image busybox:latest'
id=$(tare inspect --format '{{.Id}}' stopped)
assert_contains "$(tare df --why "$TARE_ROOT/containers/$id/upper/big")" 'of container stopped (exited)'
assert_contains "$(tare df --why "$TARE_ROOT/containers/$id/upper/big")" 'freed by: tare rm stopped'
assert_contains "$(tare df --why names)" 'bookkeeping'
assert_contains "$(tare df --why volumes/kept/_data/big)" 'of volume kept, which no container uses'
assert_contains "$(tare df --why volumes/kept/_data/big)" 'freed by: tare volume rm kept'
not tare df --why /etc/passwd 2>err
assert_contains "$(cat err)" 'is not in the store'
not tare df --why "containers/../names" 2>/dev/null
not tare df --why "containers/$id/upper/link/passwd" 2>/dev/null
tare undo --empty >/dev/null
