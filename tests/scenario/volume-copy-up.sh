# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# The first content of an empty volume is what the image has there: owners, modes, links, times,
# attributes; not for one that has files, with nocopy, or while another container has it mounted.
. "$TEST_LIB"
image_busybox
make_layer layer.tar dir:srv dir:srv/sub file:srv/a=text sym:srv/link=a sym:srv/out=/etc/passwd hard:srv/hard=srv/a \
  fifo:srv/pipe chr:srv/null=1,3 xattr:srv/attr=user.mine=kept sym:alias=srv file:srv/sub/deep=deep
docker_archive image.tar img:1 "$TEST_CACHE/busybox.tar" layer.tar
tare load -q -i image.tar >/dev/null
run() { tare run --rm --network none "$@"; }

run -v data:/srv img:1 sh -c 'cd /srv && cat a sub/deep && readlink link && readlink out && stat -c "%h %a" hard && [ -p pipe ] && [ ! -e null ] && ls -A | wc -l' >out
assert_eq "$(cat out)" $'textdeepa\n/etc/passwd\n2 755\n7'
assert_eq "$(stat -c %Y "$TARE_ROOT/volumes/data/_data/a" 2>/dev/null || echo 0)" 0 'time of a file'
if [ "$TEST_AS" = root ] && command -v getfattr >/dev/null; then
  assert_contains "$(getfattr -d "$TARE_ROOT/volumes/data/_data/attr" 2>/dev/null)" 'user.mine="kept"'
fi
# It is a copy.
run -v data:/srv img:1 sh -c 'echo changed >/srv/a; rm /srv/sub/deep'
assert_eq "$(run img:1 cat /srv/a)" text
# Not again.
assert_eq "$(run -v data:/srv img:1 sh -c 'cat /srv/a; ls /srv/sub')" changed
# Emptied, it gets it again, as with Docker.
run -v data:/srv img:1 sh -c 'rm -r /srv/*'
assert_eq "$(run -v data:/srv img:1 cat /srv/a)" text
# Through a link of the image; the target of the mount goes through it as well.
assert_eq "$(run -v linked:/alias img:1 cat /srv/a)" text
# Large files, and programs.
assert_eq "$(run -v programs:/bin img:1 echo works)" works
cmp "$TARE_ROOT/volumes/programs/_data/busybox" "$TEST_CACHE/rootfs/bin/busybox"
# No copy.
assert_eq "$(run -v none:/srv:nocopy img:1 ls -A /srv)" ''
assert_eq "$(run --mount type=volume,src=none,dst=/srv,volume-nocopy img:1 ls -A /srv)" ''
assert_eq "$(run -v place:/nowhere img:1 ls -A /nowhere)" ''
# Where the image has no directory a volume cannot be.
not run -v file:/srv/a img:1 true 2>err
assert_contains "$(cat err)" 'the image has no directory there'
not run -v file:/srv/pipe img:1 true 2>err
assert_contains "$(cat err)" 'the image has no directory there'
# Somebody has it: it stays the same directory.
tare run -d --name holder --network none -v live:/empty busybox sleep 1000 >/dev/null
assert_eq "$(run -v live:/srv img:1 ls -A /srv)" ''
run -v live:/srv img:1 touch /srv/seen
tare exec holder test -e /empty/seen
tare rm -f holder >/dev/null
tare volume prune -a -f >/dev/null
assert_eq "$(tare volume ls -q)" ''
