# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# Removed volumes go for good when their time is over, when the bin holds too much, and when a load needs
# the room; volumes that were not removed never do.
. "$TEST_LIB"
image_busybox
export TARE_UNDO_TIME=1h
make_volume() { tare run --rm --network none -v "$1:/v" busybox dd if=/dev/zero of=/v/big bs=1k count="$2" 2>/dev/null; }
listed() { [ "$(tare undo --list --format '{{.Names}}' | tr '\n' ' ')" = "$1" ]; }
make_volume kept 2000
# More than the bin may hold: the oldest goes.
printf 'undo-max=600k\n' >"$TARE_ROOT/settings"
for name in aa bb cc; do
  make_volume $name 250
  tare volume rm $name >/dev/null
done
eventually 10 listed 'cc bb '
rm "$TARE_ROOT/settings"
# A load that does not fit.
openssl enc -aes-128-ctr -pass pass:x -nosalt -pbkdf2 </dev/zero 2>/dev/null | head -c 100000 >file || true
tar -cf image.tar file
used=$(tare df --format '{{if eq .Class "total"}}{{.Bytes}}{{end}}' | tr -d '\n')
tare --store-max "$used" load -q -n img -i image.tar >/dev/null 2>err
assert_contains "$(cat err)" "this was removed: what was removed as 'bb'"
assert_eq "$(tare volume ls -q)" kept
# Its time is over.
TARE_UNDO_TIME=1ms tare volume create other >/dev/null
TARE_UNDO_TIME=1ms tare volume rm other >/dev/null
export TARE_UNDO_TIME=1ms
over() { tare ps >/dev/null && listed '' && [ -z "$(ls -A "$TARE_ROOT/bin/volumes")$(ls "$TARE_ROOT/trash")" ]; }
eventually 10 over
assert_eq "$(tare volume ls -q)" kept
tare volume rm --no-undo kept >/dev/null
