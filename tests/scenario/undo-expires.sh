# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# What was removed goes for good when its time is over, or when there is more than the bin may hold.
. "$TEST_LIB"
image_busybox
empty() { tare ps >/dev/null && [ -z "$(tare undo --list --format '{{.ID}}')$(ls "$TARE_ROOT/trash")" ]; }
export TARE_UNDO_TIME=1h
tare run --name web --network none busybox true
tare rm web >/dev/null
tare rmi busybox >/dev/null
assert_eq "$(tare undo --list --format '{{.Type}}' | sort | tr '\n' ' ')" 'container image '
# Another time counts for what is there already, from the next removal or the old time's end on.
export TARE_UNDO_TIME=1ms
image_busybox
tare run --name web --network none busybox true
tare rm web >/dev/null
eventually 10 empty
tare inspect busybox >/dev/null || fail 'the image that was loaded again is gone'
claims=/var/lib/tare/ids
[ "$TEST_AS" = root ] || claims=$HOME/.local/share/tare/ids
assert_eq "$(grep -rls "^$TARE_ROOT/" "$claims" || true)" '' 'id claims'
# More than the bin may hold: the oldest goes.
export TARE_UNDO_TIME=1h
printf 'undo-max=600k\n' >"$TARE_ROOT/settings"
for name in a b c; do
  tare run --name $name --network none busybox dd if=/dev/zero of=/x bs=1k count=250 2>/dev/null
  tare rm $name >/dev/null
done
eventually 10 bash -c '[ "$(tare undo --list --format "{{.Names}}" | tr "\n" " ")" = "c b " ]'
# Nothing is kept at all.
export TARE_UNDO_TIME=0
tare rmi busybox >/dev/null
not tare undo busybox 2>err
assert_contains "$(cat err)" 'nothing that was removed is called'
[ -z "$(ls "$TARE_ROOT/blobs/sha256")" ] || fail 'blobs are left'
printf 'colour=red\n' >"$TARE_ROOT/settings"
not tare rm web 2>err
not tare undo --list 2>err
assert_contains "$(cat err)" "there is no setting 'colour'"
rm "$TARE_ROOT/settings"
tare undo --empty >/dev/null
