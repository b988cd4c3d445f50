# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2119,SC2164
# as: root user
# needs: docker-registry skopeo jq
# copy: an image goes from the store through registries, layouts and archives and back, keeps its digest
# everywhere, and others read what we write and we what they write.
. "$TEST_LIB"
# shellcheck source=tests/registry.sh
. "$(dirname "$TEST_LIB")/registry.sh"

start_registry
first=$REGISTRY
start_registry
second=$REGISTRY
cd "$TMPDIR"
image_busybox
id=$(tare images -q --no-trunc busybox)
sky() { skopeo "$1" --tls-verify=false "${@:2}"; }
digest_of() { echo "sha256:$(sky inspect --raw "$1" | sha256sum | cut -d ' ' -f 1)"; }

# Out of the store, and on from there.
digest=$(tare copy -q store:busybox "docker://$first/a/busybox:1")
assert_eq "$(digest_of "docker://$first/a/busybox:1")" "$digest"
out=$(tare copy "docker://$first/a/busybox:1" "docker://$second/b/busybox:2")
assert_contains "$out" "Copying $first/a/busybox:1"
assert_matches "$out" '[0-9a-f]{12}: Download complete'
assert_matches "$out" '[0-9a-f]{12}: Pushed'
assert_contains "$out" "Digest: $digest"
assert_eq "$(digest_of "docker://$second/b/busybox:2")" "$digest"
[ -z "$(ls -A "$TARE_ROOT/downloads")" ] || fail "parts of downloads are left"
# What is there is not sent again, and what another repository of the registry has not even fetched.
assert_contains "$(tare copy "docker://$first/a/busybox:1" "docker://$second/b/busybox:3")" ': Layer already exists'
out=$(tare copy "docker://$second/b/busybox:2" "docker://$second/c/busybox:1")
assert_contains "$out" ': Mounted from b/busybox'
assert_lacks "$out" 'Download'
assert_eq "$(digest_of "docker://$second/c/busybox:1")" "$digest"

# Layouts and archives, both ways, ours and others'.
tare copy -q "docker://$second/b/busybox:2" oci:layout:one >/dev/null
assert_eq "$(digest_of oci:layout:one)" "$digest"
skopeo copy -q --preserve-digests oci:layout:one oci:theirs:1
assert_eq "$(tare copy -q oci:theirs:1 oci-archive:ours.tar:one)" "$digest"
assert_eq "$(digest_of oci-archive:ours.tar:one)" "$digest"
skopeo copy -q --preserve-digests oci:layout:one oci-archive:theirs.tar:x
assert_eq "$(tare copy -q oci-archive:theirs.tar "docker://$first/d/busybox:1")" "$digest"
assert_eq "$(digest_of "docker://$first/d/busybox:1")" "$digest"
gzip -k theirs.tar
assert_eq "$(tare copy -q oci-archive:theirs.tar.gz:x oci:layout:zipped)" "$digest"
# Several in one layout: each by its tag, and a tag is given anew.
tare copy -q oci:layout:one oci:layout:two >/dev/null
tare copy -q oci:layout:one oci:layout:two >/dev/null
assert_eq "$(jq -r '.manifests[].annotations["org.opencontainers.image.ref.name"]' layout/index.json | sort | tr '\n' ' ')" \
  'one two zipped '
exits 1 tare copy oci:layout:three oci:other 2>err >&2
assert_contains "$(cat err)" "none is 'three'"
# Without a name; then it is the only one.
assert_eq "$(tare copy -q oci:layout:one oci:nameless)" "$digest"
assert_eq "$(tare copy -q oci:nameless oci:nameless2:x)" "$digest"

# A docker-archive: others find the image in it, and are told that it gets another digest there.
tare copy oci:layout:one docker-archive:docker.tar:example.com/bb:1 2>err >/dev/null
assert_contains "$(cat err)" 'with another digest'
assert_eq "$(skopeo inspect --config docker-archive:docker.tar | jq -r .architecture)" \
  "$(skopeo inspect --config oci:layout:one | jq -r .architecture)"
assert_eq "$(tare copy -q docker-archive:docker.tar oci:layout:back 2>/dev/null)" "$digest"
# One that has no manifest gets one.
skopeo copy -q oci:layout:one docker-archive:plain.tar:example.com/bb:1
tare copy docker-archive:plain.tar:example.com/bb:1 "docker://$first/e/busybox:1" 2>err >/dev/null
assert_contains "$(cat err)" 'no manifest, so one was made'
assert_eq "$(skopeo inspect --tls-verify=false --config --raw "docker://$first/e/busybox:1" | sha256sum | cut -d ' ' -f 1)" "${id#sha256:}"

# Into the store: as after a pull.
tare rmi busybox >/dev/null
assert_eq "$(tare copy -q "docker://$second/b/busybox:2" store:from/registry:1)" "$digest"
assert_eq "$(tare run --rm --network none from/registry:1 echo runs)" runs
assert_contains "$(tare copy oci:layout:one store:from/layout:1)" ': Already exists'
tare rmi from/registry:1 from/layout:1 >/dev/null
tare copy -q oci-archive:ours.tar store:from/archive >/dev/null
assert_eq "$(tare images -q --no-trunc from/archive)" "$id"
tare rmi from/archive >/dev/null

# What cannot be is refused, before anything is written.
exits 1 tare copy busybox oci:x 2>err >&2
assert_contains "$(cat err)" 'does not say what kind of place it is'
exits 1 tare copy oci:layout:one docker-daemon:busybox:1 2>err >&2
assert_contains "$(cat err)" "places of the kind 'docker-daemon' are not known"
exits 1 tare copy "docker://$first/none:1" oci:x 2>err >&2
[ ! -e x ] || fail "a copy of nothing made a layout"
exits 1 tare copy oci:layout:one "docker://$first/a/busybox@sha256:$(printf '%064d' 0)" 2>err >&2
assert_contains "$(cat err)" "what is copied is $digest"
mkdir full
touch full/something
exits 1 tare copy oci:layout:one oci:full:1 2>err >&2
assert_contains "$(cat err)" 'neither empty nor an image layout'
assert_eq "$(ls full)" something
exits 1 tare copy --platform linux/s390x oci:layout:one oci:full2 2>err >&2
assert_contains "$(cat err)" 'no matching manifest for linux/s390x'

# Lines of JSON.
tare copy --json "docker://$first/a/busybox:1" oci:json:1 >lines
jq -es 'length > 2' lines >/dev/null
assert_eq "$(tail -1 lines | jq -r .digest)" "$digest"
