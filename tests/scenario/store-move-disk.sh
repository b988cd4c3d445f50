# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# as: root
# needs: mkfs.ext4 losetup
# store move to another file system, and what stands in its way: too little room, overlayfs.
. "$TEST_LIB"
first=$TARE_ROOT
export TARE_ROOT=$TEST_DIR/home/store
mkdir -p home disk small over lower upper work
tear_down() {
  local status=$?
  export TARE_ROOT=$TEST_DIR/home/store
  tare rm -f web >/dev/null 2>&1 || true
  umount -q over disk small || true
  export TARE_ROOT=$first
  if [ $status = 0 ]; then clean_up; else false || clean_up; fi
}
trap tear_down EXIT
tare load -q -i "$TEST_CACHE/busybox-docker.tar" >/dev/null
tare run --name web --network none busybox sh -c 'echo hello >/file; rm -f /etc/passwd'

mount -t tmpfs -o size=2m none small
exits 1 tare store move small 2>err
assert_matches "$(cat err)" 'the store needs .*B, and .*B are free at'
assert_eq "$(ls -A small)" '' 'what is left at the small place'
mount -t overlay -o "lowerdir=lower,upperdir=upper,workdir=work" none over
mkdir over/place
exits 1 tare store move over/place 2>err
assert_matches "$(cat err)" "containers cannot write at|root file systems by .* do not work"
assert_contains "$(cat err)" 'ext4'
umount over

truncate -s 200M disk.img
mkfs.ext4 -q disk.img
mount -o loop disk.img disk
tare store move disk 2>err && fail 'a place with lost+found'
assert_contains "$(cat err)" 'disk/tare'
tare store move -q disk/tare
assert_eq "$(readlink home/store)" "$TEST_DIR/disk/tare"
# From the disk alone.
emptied() { tare ps >/dev/null && [ -z "$(ls disk/tare/trash)" ]; }
eventually 20 emptied
assert_eq "$(ls -A home)" store
assert_eq "$(cat "disk/tare/containers/$(tare inspect --format '{{.Id}}' web)/upper/file")" hello
tare start -a web
tare run --rm --network none busybox true
assert_eq "$(tare fsck)" 'the store is clean'
total=$(tare df --format '{{if eq .Class "total"}}{{.Bytes}}{{end}}' | tr -d '\n')
assert_eq "$total" "$(du -s --block-size=1 disk/tare | cut -f 1)" 'sum of df'
exits 1 tare store move "$TEST_DIR/disk/tare/x" 2>err
assert_contains "$(cat err)" 'is in the store'
