# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# What was changed on disk is found by verify and named; fsck mends what it can; a container never
# sees it.
. "$TEST_LIB"
image_busybox
tare verify busybox >out
assert_eq "$(cat out)" 'busybox: OK'
assert_eq "$(tare fsck)" 'the store is clean'

# An image with a compressed layer: what was taken apart can be made again from it.
skopeo copy -q docker-archive:"$TEST_CACHE/busybox-docker.tar" oci:layout:gzip 2>/dev/null
tare rmi busybox >/dev/null
tare load -q layout >/dev/null
name=$(tare images -q)
# A large content: in the pack, or an object.
damage() {
  local file
  file=$(find "$TARE_ROOT/layers" "$TARE_ROOT/objects" -type f -size +500k | head -1)
  chmod u+w "$file"
  printf 'X' | dd of="$file" bs=1 seek=300000 conv=notrunc status=none
}
damage
exits 1 tare verify "$name" >out 2>/dev/null
assert_matches "$(cat out)" 'layer sha256:[0-9a-f]{64}: its content has the digest'
assert_contains "$(cat out)" "$name: layer"
exits 1 tare verify --json "$name" >out
jq -e '.damaged == "layer" and .repairable' out >/dev/null
if [ "$(tare info --format '{{.Driver}}')" = erofs ]; then
  exits 125 tare run --rm --network none "$name" true 2>err
  assert_contains "$(cat err)" 'was changed on disk'
fi
assert_eq "$(tare fsck --repair)" 'the store is clean'
tare run --rm --network none "$name" true
tare verify "$name" >/dev/null

# A blob that is wrong: only getting it again helps, and that says so.
blob=$(find "$TARE_ROOT/blobs/sha256" -type f -size +100k)
chmod u+w "$blob"
printf 'X' | dd of="$blob" bs=1 seek=1000 conv=notrunc status=none
exits 1 tare fsck --repair >out 2>err
assert_contains "$(cat out)" 'layer blob sha256:'
assert_contains "$(cat err)" 'tare pull or tare load'
