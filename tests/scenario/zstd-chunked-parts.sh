# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2119,SC2164
# as: root user
# needs: docker-registry skopeo jq zstd
# Of a layer in the form zstd:chunked only what is not here is pulled; its blob is not here then, which is no
# damage, and can be got.
. "$TEST_LIB"
# shellcheck source=tests/registry.sh
. "$(dirname "$TEST_LIB")/registry.sh"

start_registry
cd "$TMPDIR"
# written: bytes that the registry has sent.
written() { sed -n 's/.*http.response.written=\([0-9]*\).*/\1/p' "$REGISTRY_DIR/log" | awk '{n += $1} END {print n + 0}'; }
# make_image N TARGET: busybox, large files that all have, and one of its own.
make_rootfs tree
head -c 2500000 /dev/urandom >tree/shared-1
head -c 2500000 /dev/urandom >tree/shared-2
make_image() {
  head -c 30000 /dev/urandom >tree/own
  echo "$1" >tree/version
  # skopeo 1.9 leaves out what a tar has behind its two last blocks, and then the diff_id is another's.
  tar -b1 -C tree -cf "layer-$1.tar" .
  docker_archive image.tar "chunked:$1" "layer-$1.tar"
  skopeo copy -q --dest-tls-verify=false --format oci --dest-compress-format zstd:chunked \
    docker-archive:image.tar "$2"
}
make_image 1 "docker://$REGISTRY/chunked:1"
make_image 2 "docker://$REGISTRY/chunked:2"
sums=$(cd tree && sha256sum own shared-1 shared-2 bin/busybox)
manifest=$(skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/chunked:2")
digest=sha256:$(printf %s "$manifest" | sha256sum | cut -d ' ' -f 1)
blob=$(jq -r '.layers[0].digest' <<<"$manifest")
size=$(jq -r '.layers[0].size' <<<"$manifest")
right() {
  assert_eq "$(tare run --rm --network none "$1" sha256sum own shared-1 shared-2 bin/busybox)" "$sums"
  tare fsck >fsck.out || fail "fsck: $(cat fsck.out)"
}

tare pull -q "$REGISTRY/chunked:1" >/dev/null
before=$(written)
assert_contains "$(tare pull "$REGISTRY/chunked:2")" "Digest: $digest"
eventually 5 grep -q "GET.*$blob" "$REGISTRY_DIR/log"
came=$(($(written) - before))
[ $came -gt 0 ] || fail "the bytes are not counted"
[ $((came * 5)) -lt "$size" ] || fail "$came of $size bytes came"
[ ! -e "$TARE_ROOT/blobs/sha256/${blob#sha256:}" ] || fail "its blob is here"
right "$REGISTRY/chunked:2"

# Where it came from it can be pushed to; for another place its bytes are needed.
tare tag "$REGISTRY/chunked:2" "$REGISTRY/chunked:again"
assert_contains "$(tare push "$REGISTRY/chunked:again")" "again: digest: $digest"
tare tag "$REGISTRY/chunked:2" "$REGISTRY/mounted:1"
assert_contains "$(tare push "$REGISTRY/mounted:1")" "1: digest: $digest"
first=$REGISTRY
start_registry
elsewhere=$REGISTRY/chunked:2 REGISTRY=$first
tare tag "$REGISTRY/chunked:2" "$elsewhere"
not tare push "$elsewhere" 2>err
assert_contains "$(cat err)" "tare pull --whole"
not tare save -o saved.tar "$REGISTRY/chunked:2" 2>err
assert_contains "$(cat err)" "pulled in parts"
assert_contains "$(cat err)" "tare pull --whole"
not tare copy -q store:"$REGISTRY/chunked:2" oci:copied:1 2>err
assert_contains "$(cat err)" "tare pull --whole"
tare rmi "$REGISTRY/chunked:again" "$REGISTRY/mounted:1" "$elsewhere" >/dev/null
tare pull -q "$REGISTRY/chunked:2" >/dev/null
[ ! -e "$TARE_ROOT/blobs/sha256/${blob#sha256:}" ] || fail "pulled again without need"
tare pull -q --whole "$REGISTRY/chunked:2" >/dev/null
assert_eq "$(sha256sum <"$TARE_ROOT/blobs/sha256/${blob#sha256:}")" "${blob#sha256:}  -"
tare save -o saved.tar "$REGISTRY/chunked:2"
right "$REGISTRY/chunked:2"
tare rmi --no-undo "$REGISTRY/chunked:2" >/dev/null

# One that is damaged is got again, all of it: nothing here has its bytes.
tare pull -q "$REGISTRY/chunked:2" >/dev/null
[ ! -e "$TARE_ROOT/blobs/sha256/${blob#sha256:}" ] || fail "its blob is here again"
echo garbage >garbage
cp -f garbage "$TARE_ROOT/layers/$(sha256sum <layer-2.tar | cut -d ' ' -f 1).tar"
exits 1 tare fsck >/dev/null
tare fsck --repair >repaired || fail "not repaired: $(cat repaired)"
right "$REGISTRY/chunked:2"
tare rmi --no-undo "$REGISTRY/chunked:2" >/dev/null
