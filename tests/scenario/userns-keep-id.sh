# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# --userns keep-id: who calls is the same id inside; a file it writes in a bind mount is its own outside,
# and a file of its own is its own inside. For root there is nothing to keep.
. "$TEST_LIB"
image_busybox

if [ "$TEST_AS" != user ]; then
  exits 125 tare run --rm --network none --userns keep-id busybox true 2>message
  assert_contains "$(cat message)" 'ordinary users'
  exit 0
fi
mkdir shared
echo mine >shared/private
chmod 600 shared/private
assert_eq "$(tare run --rm --network none --userns keep-id busybox sh -c 'id -u; id -g')" "$(id -u; id -g)" 'id inside'
assert_eq "$(tare run --rm --network none --userns keep-id -v "$PWD/shared:/shared" busybox sh -c 'cat /shared/private; stat -c %u /shared/private
  touch /shared/made')" "mine
$(id -u)"
assert_eq "$(stat -c %u:%g shared/made)" "$(id -u):$(id -g)" 'owner of the file that the container made'
# Another id inside.
assert_eq "$(tare run --rm --network none --userns keep-id:uid=7,gid=8 -v "$PWD/shared:/shared" busybox sh -c 'id -u; id -g; stat -c %u:%g /shared/private')" \
  '7
8
7:8'
# Root inside is somebody else.
tare run --rm --network none --userns keep-id -u 0 -v "$PWD/shared:/shared" busybox touch /shared/of-root
[ "$(stat -c %u shared/of-root)" != "$(id -u)" ] || fail 'root inside is the caller'
# The image's files are the image's ids, and exec is who the container is.
tare run -d --name c --network none --userns keep-id busybox sleep 1000 >/dev/null
assert_eq "$(tare exec c stat -c %u /bin/busybox)" 0
assert_eq "$(tare exec c id -u)" "$(id -u)"
assert_contains "$(tare inspect --format '{{json .Tare.Grants}}' c)" caller-id
