# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# as: root
# The EROFS images that we write are what other people's tools take for one, and what they take out
# of it is the tar it came from.
# needs: fsck.erofs
. "$TEST_LIB"
[ "$(tare info --format '{{.Driver}}')" = erofs ] || skip 'no EROFS from files here'
tare load -q -n debian -i "$TEST_CACHE/debian.tar" >/dev/null
image=$(ls "$TARE_ROOT"/rootfs/erofs/*.erofs)
pack=$(ls "$TARE_ROOT"/layers/*.pack)
fsck.erofs --device="$pack" "$image"
fsck.erofs --device="$pack" --extract=out "$image" >/dev/null
mkdir wanted
tar -C wanted --numeric-owner --xattrs -xpf "$TEST_CACHE/debian.tar"
# It clears setuid when it sets the owner, so modes are compared in the mount below.
list() { (cd "$1" && find . ! -type d -printf "%P $2%U %G %s %l %y\n" | grep -v ' [bc]$' | sort); }
diff <(list wanted '') <(list out '')
diff -r --no-dereference -q wanted/usr out/usr

# mount shows the same, and umount takes it away.
mkdir place
tare mount debian place
diff <(list wanted '%m %T@ ') <(list place '%m %T@ ')
diff -r --no-dereference -q wanted/etc place/etc
not touch place/new 2>/dev/null
tare umount place
assert_eq "$(ls place)" ''
exits 1 tare umount place 2>err
assert_contains "$(cat err)" "nothing is mounted at 'place'"
