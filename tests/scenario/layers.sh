# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# Whiteouts, opaque directories, hard links, xattrs, sparse files and long names come out as the layers say.
. "$TEST_LIB"

mkdir -p one/dir/sub one/opaque two/dir two/opaque
echo a >one/dir/a
echo b >one/dir/b
echo old >one/opaque/old
ln one/dir/a one/dir/hard
ln -s ../dir/a one/dir/link
long=$(printf 'n%.0s' $(seq 200))
echo long >"one/dir/$long"
truncate -s 50M one/sparse
echo end >>one/sparse
chmod 4755 one/dir/b
tar -C one --sort=name --owner=0 --group=0 --sparse --format=pax -cf one.tar .
touch two/dir/.wh.b two/opaque/.wh..wh..opq
echo new >two/opaque/new
tar -C two --owner=0 --group=0 -cf two.tar .
docker_archive image.tar layered:latest "$TEST_CACHE/busybox.tar" one.tar two.tar
tare load -i image.tar >/dev/null

run() { tare run --rm --network none layered "$@"; }
not run test -e /dir/b
assert_eq "$(run ls /opaque)" new
assert_eq "$(run cat /dir/link)" a
assert_eq "$(run cat "/dir/$long")" long
assert_eq "$(run stat -c '%h' /dir/hard)" 2
assert_eq "$(run stat -c '%i' /dir/a /dir/hard | uniq | wc -l)" 1
assert_eq "$(run tail -c 4 /sparse)" end
assert_eq "$(run stat -c %s /sparse)" 52428804
# The file systems that show it do not tell its blocks; on the disk it has few.
[ "$(du -sm "$TARE_ROOT" | cut -f1)" -lt 40 ] || fail 'the hole was written out'
