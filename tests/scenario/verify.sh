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
exits 1 tare fsck >/dev/null 2>err
assert_contains "$(cat err)" 'tare fsck --repair'
tare fsck --repair >out
assert_matches "$(head -1 out)" "^$name: layer sha256:[0-9a-f]{64}: mended$"
assert_eq "$(tail -1 out)" 'the store is clean'
assert_eq "$(tare fsck --repair)" 'the store is clean' 'with nothing to mend'
tare run --rm --network none "$name" true
tare verify "$name" >/dev/null

# A blob that is wrong: only getting it again helps, and that says so.
blob=$(find "$TARE_ROOT/blobs/sha256" -type f -size +100k)
chmod u+w "$blob"
printf 'X' | dd of="$blob" bs=1 seek=1000 conv=notrunc status=none
exits 1 tare fsck --repair >out 2>err
assert_contains "$(cat out)" 'layer blob sha256:'
assert_contains "$(cat err)" 'tare pull or tare load'

# What is there and has lost a part is not said to be missing, and what helps is said.
tare load -q -i "$TEST_CACHE/busybox-docker.tar" >/dev/null
id=$(tare inspect --format '{{.Id}}' busybox)
record=$TARE_ROOT/images/${id#sha256:}.json
rm -f "$TARE_ROOT/blobs/sha256/${id#sha256:}"
exits 1 tare inspect busybox 2>err >/dev/null
assert_contains "$(cat err)" "has no blob $id"
assert_contains "$(cat err)" 'tare fsck --repair'
echo junk >"$record"
exits 125 tare run --rm --network none busybox true 2>err
assert_contains "$(cat err)" 'tare fsck --repair'
