# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2119,SC2164
# as: root user
# needs: docker-registry skopeo jq
# copy --all: an index with everything in it, artifacts, and with --referrers what refers to it, where
# the registry lists that and where it does not.
. "$TEST_LIB"
# shellcheck source=tests/registry.sh
. "$(dirname "$TEST_LIB")/registry.sh"

start_registry
cd "$TMPDIR"
sky() { skopeo "$1" --tls-verify=false "${@:2}"; }
digest_of() { echo "sha256:$(sky inspect --raw "$1" | sha256sum | cut -d ' ' -f 1)"; }

# put LAYOUT TEXT: a blob in a layout; prints "DIGEST SIZE".
put() {
  local hex
  hex=$(printf %s "$2" | sha256sum | cut -d ' ' -f 1)
  printf %s "$2" >"$1/blobs/sha256/$hex"
  echo "sha256:$hex ${#2}"
}
# descriptor TYPE DIGEST SIZE [MORE]
descriptor() { printf '{"mediaType":"%s","digest":"%s","size":%s%s}' "$1" "$2" "$3" "${4-}"; }
manifest=application/vnd.oci.image.manifest.v1+json
index=application/vnd.oci.image.index.v1+json

# A layout with an index for three platforms, and a signature of it.
skopeo copy -q "docker-archive:$TEST_CACHE/busybox-docker.tar" oci:src:image
read -r own own_size <<<"$(jq -r '.manifests[0] | "\(.digest) \(.size)"' src/index.json)"
members=$(descriptor $manifest "$own" "$own_size" ',"platform":{"os":"linux","architecture":"amd64"}')
for architecture in arm64 s390x; do
  read -r digest size <<<"$(put src "{\"architecture\":\"$architecture\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}")"
  text="{\"schemaVersion\":2,\"mediaType\":\"$manifest\",\"config\":$(descriptor application/vnd.oci.image.config.v1+json "$digest" "$size"),\"layers\":[]}"
  read -r digest size <<<"$(put src "$text")"
  members+=,$(descriptor $manifest "$digest" "$size" ",\"platform\":{\"os\":\"linux\",\"architecture\":\"$architecture\"}")
  [ $architecture = s390x ] || arm64=$digest
done
read -r whole whole_size <<<"$(put src "{\"schemaVersion\":2, \"mediaType\":\"$index\",\"manifests\":[$members]}")"
read -r empty empty_size <<<"$(put src '{}')"
read -r payload payload_size <<<"$(put src 'a signature')"
read -r signature signature_size <<<"$(put src "{\"schemaVersion\":2,\"mediaType\":\"$manifest\",\"artifactType\":\"application/vnd.example.signature\",\"config\":$(descriptor application/vnd.oci.empty.v1+json "$empty" "$empty_size"),\"layers\":[$(descriptor application/vnd.example.bytes "$payload" "$payload_size")],\"subject\":$(descriptor $index "$whole" "$whole_size"),\"annotations\":{\"a\":\"b\"}}")"
jq -c --argjson whole "$(descriptor $index "$whole" "$whole_size" ',"annotations":{"org.opencontainers.image.ref.name":"all"}')" \
  --argjson signature "$(descriptor $manifest "$signature" "$signature_size" ',"artifactType":"application/vnd.example.signature"')" \
  '.manifests += [$whole, $signature]' src/index.json >new
mv new src/index.json

# Everything, with its digest, to a registry and back.
assert_eq "$(tare copy -q --all oci:src:all "docker://$REGISTRY/all:1")" "$whole"
assert_eq "$(digest_of "docker://$REGISTRY/all:1")" "$whole"
assert_eq "$(digest_of "docker://$REGISTRY/all@$arm64")" "$arm64"
assert_eq "$(tare copy -q --all "docker://$REGISTRY/all:1" oci:dst:1)" "$whole"
skopeo copy -q --all oci:dst:1 oci:theirs:1
assert_eq "$(tare copy -q --all "docker://$REGISTRY/all:1" oci-archive:all.tar:1)" "$whole"
skopeo copy -q --all oci-archive:all.tar:1 oci:theirs:2
assert_eq "$(tare copy -q -a oci-archive:all.tar:1 "docker://$REGISTRY/again:1")" "$whole"

# One platform of it otherwise.
assert_eq "$(tare copy -q --platform linux/arm64 "docker://$REGISTRY/all:1" oci:dst:arm)" "$arm64"
assert_eq "$(tare copy -q "docker://$REGISTRY/all:1" oci:dst:own)" "$own"
exits 1 tare copy --platform linux/mips "docker://$REGISTRY/all:1" oci:dst:mips 2>err >&2
assert_contains "$(cat err)" 'linux/amd64, linux/arm64, linux/s390x'
exits 1 tare copy --all "docker://$REGISTRY/all:1" docker-archive:x.tar 2>err >&2
assert_contains "$(cat err)" 'no index, no artifact'
exits 1 tare copy --all "docker://$REGISTRY/all:1" store:x 2>err >&2
assert_contains "$(cat err)" 'one platform'
[ ! -e x.tar ] || fail 'a refused copy left a file'

# What refers to it comes along when asked for. This registry has no list of its own.
assert_eq "$(tare referrers "$REGISTRY/all:1")" ''
tare copy -q --all --referrers oci:src:all "docker://$REGISTRY/signed:1" >/dev/null
assert_eq "$(tare referrers "$REGISTRY/signed:1")" "$signature  application/vnd.example.signature"
tare copy -q --all --referrers oci:src:all "docker://$REGISTRY/signed:1" >/dev/null
assert_eq "$(tare referrers "$REGISTRY/signed:1" | wc -l)" 1
tare copy -q --all --referrers "docker://$REGISTRY/signed:1" "docker://$REGISTRY/moved:1" >/dev/null
assert_eq "$(tare referrers "$REGISTRY/moved:1")" "$signature  application/vnd.example.signature"
tare copy -q --all --referrers "docker://$REGISTRY/signed:1" oci:signed:1 >/dev/null
assert_eq "$(jq -r '.manifests[] | select(.artifactType) | .digest' signed/index.json)" "$signature"
tare copy -q --all --referrers oci:signed "docker://$REGISTRY/signed2:1" >/dev/null
assert_eq "$(tare referrers "$REGISTRY/signed2:1")" "$signature  application/vnd.example.signature"

# An artifact by itself is no image, and is copied all the same.
exits 1 tare pull "$REGISTRY/signed@$signature" 2>/dev/null >&2
assert_eq "$(tare copy -q "docker://$REGISTRY/signed@$signature" oci:artifact:1)" "$signature"
cmp "artifact/blobs/sha256/${payload#sha256:}" <(printf 'a signature')
exits 1 tare copy "docker://$REGISTRY/signed@$signature" store:x 2>err >&2
assert_contains "$(cat err)" 'an artifact of type'
