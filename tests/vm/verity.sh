# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# fs-verity where the kernel and the file system have it: packs and root file systems are under it from
# their names on, seals have its digest, and what is changed on the disk below is not read.
export TARE_ROOT=/disk/store
mkdir -p /tmp/place
# Debian 12's kernel has no overlay by descriptors, so no container starts: mount has the same checks.
shown() {
  tare mount busybox /tmp/place || return 1
  head -c 2000000 /tmp/place/bin/busybox >/dev/null || { tare umount /tmp/place; return 1; }
  tare umount /tmp/place
}
fail() { echo "FAIL: $*"; exit 1; }
tare info | grep 'fs-verity: yes' || { tare info | grep verity; fail 'info does not know of fs-verity'; }
tare load -q -i /busybox-docker.tar
seals=$(find /disk/store/rootfs/erofs -name '*.seals')
[ -n "$seals" ] || fail "no seals: $(tare info | grep 'root file systems')"
cat "$seals"
[ "$(grep -c ' sha256:[0-9a-f]* ' "$seals")" = "$(wc -l <"$seals")" ] || fail 'a seal without a digest'
shown || fail 'it cannot be mounted'
pack=$(find /disk/store/layers -name '*.pack')
chmod u+w "$pack"
if dd if=/dev/zero of="$pack" bs=1 count=1 conv=notrunc 2>/dev/null; then fail 'a pack can be written to'; fi
tare verify busybox | grep OK
# Another file under the same name, with the same bytes but one, and no fs-verity.
cp=/disk/copy
cat "$pack" >$cp
printf X | dd of=$cp bs=1 seek=300000 conv=notrunc 2>/dev/null
mv $cp "$pack"
if shown 2>/tmp/err; then fail 'a swapped pack was not seen'; fi
grep 'was changed on disk' /tmp/err || { cat /tmp/err; fail 'another error'; }
# A seal whose digest is wrong is no seal: everything is read, and sealed again.
tare rmi -f --no-undo busybox >/dev/null
tare load -q -i /busybox-docker.tar
seals=$(find /disk/store/rootfs/erofs -name '*.seals')
sed -i 's/ sha256:..../ sha256:0000/' "$seals"
shown || fail 'it cannot be mounted'
if grep ' sha256:0000' "$seals"; then fail 'the wrong digest is still in the seal'; fi
