# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2119,SC2164
# as: root user
# needs: docker-registry skopeo jq
# Layers in the form zstd:chunked, whose frames and list of files others use to get parts of them, are layers
# like others: pulled whole, kept byte for byte with their annotations, and pushed and copied with their digest.
. "$TEST_LIB"
# shellcheck source=tests/registry.sh
. "$(dirname "$TEST_LIB")/registry.sh"

start_registry
cd "$TMPDIR"
# skopeo 1.9 leaves out what a tar has behind its two last blocks, and then the diff_id is another's.
tar -b1 -C "$TEST_CACHE/rootfs" -cf layer.tar .
docker_archive image.tar chunked layer.tar
skopeo copy -q --dest-tls-verify=false --format oci --dest-compress-format zstd:chunked \
  docker-archive:image.tar "docker://$REGISTRY/chunked:1"
manifest=$(skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/chunked:1")
jq -e '.layers[0].annotations["io.containers.zstd-chunked.manifest-position"] // .layers[0].annotations["io.github.containers.zstd-chunked.manifest-position"]' \
  <<<"$manifest" >/dev/null || fail "no layer of that form was made: $manifest"
digest=sha256:$(printf %s "$manifest" | sha256sum | cut -d ' ' -f 1)

out=$(tare pull "$REGISTRY/chunked:1")
assert_contains "$out" "Digest: $digest"
assert_eq "$(tare run --rm --network none "$REGISTRY/chunked:1" echo runs)" runs
tare tag "$REGISTRY/chunked:1" "$REGISTRY/again:1"
assert_contains "$(tare push "$REGISTRY/again:1")" "1: digest: $digest"
assert_eq "$(tare copy -q "docker://$REGISTRY/chunked:1" oci:layout:1)" "$digest"
assert_eq "$(tare copy -q store:"$REGISTRY/again:1" oci:layout:2)" "$digest"
