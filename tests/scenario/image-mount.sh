# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# mount attaches images by name at a directory or at one of the store, lists them, and umount takes them
# away, one or all; an ordinary user is told what to do instead.
. "$TEST_LIB"
image_busybox
if [ "$TEST_AS" = user ]; then
  exits 1 tare mount busybox 2>err
  assert_contains "$(cat err)" 'only root can mount an image where others see it'
  assert_contains "$(cat err)" 'tare run'
  assert_eq "$(tare mount)" ''
  exit 0
fi
tear_down() {
  local status=$?
  tare umount -a >/dev/null 2>&1 || true
  if [ $status = 0 ]; then clean_up; else false || clean_up; fi
}
trap tear_down EXIT
tare tag busybox other:1
mkdir -p tree place && echo hello >tree/file
tar -C tree -cf - . | tare import -q - second >/dev/null
assert_eq "$(tare mount)" ''
tare mount busybox second >places
assert_eq "$(wc -l <places)" 2
[ -x "$(sed -n 1p places)/bin/busybox" ] || fail 'no files of busybox'
assert_eq "$(cat "$(sed -n 2p places)/file")" hello
not touch "$(sed -n 2p places)/new" 2>/dev/null
tare mount second place
assert_eq "$(cat place/file)" hello
assert_eq "$(tare mount second)" "$(sed -n 2p places)" 'mounted twice'
assert_eq "$(tare mount | wc -l)" 3
assert_contains "$(tare mount)" "second  $TEST_DIR/place"
exits 1 tare store move new 2>err
assert_contains "$(cat err)" 'images are mounted'
# A directory that is not there is no image, and nothing is mounted on the way to find that out.
tare mount >before
exits 1 tare mount busybox "$TEST_DIR/nowhere" 2>err >&2
assert_contains "$(cat err)" "there is no directory '$TEST_DIR/nowhere'"
exits 1 tare umount nothing 2>err
assert_contains "$(cat err)" "no image 'nothing' is mounted"
exits 1 tare umount tree 2>err
assert_contains "$(cat err)" "nothing is mounted at 'tree'"
assert_eq "$(tare mount)" "$(cat before)"
exits 1 tare mount nothing busybox >/dev/null 2>err
assert_contains "$(cat err)" 'no such image'
assert_eq "$(tare df 2>&1 >/dev/null)" '' 'what is not known'

tare umount place
assert_eq "$(ls place)" ''
assert_eq "$(tare mount | wc -l)" 2
# Taken away by others: no longer listed.
umount "$(sed -n 1p places)"
assert_eq "$(tare mount | cut -d ' ' -f 1)" second
tare umount second
assert_eq "$(tare mount)" ''
tare mount busybox second >/dev/null
tare umount --all
assert_eq "$(tare mount)" ''
assert_eq "$(ls "$TARE_ROOT/mounts")" ''
exits 1 tare umount 2>err
assert_contains "$(cat err)" '--all'
