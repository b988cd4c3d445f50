# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2119,SC2164
# as: root user
# needs: docker-registry skopeo jq
# An image pushed to a registry and pulled from it is the same to the last byte, for us and for others.
. "$TEST_LIB"
# shellcheck source=tests/registry.sh
. "$(dirname "$TEST_LIB")/registry.sh"

start_registry
image_busybox
id=$(tare images -q --no-trunc busybox)
tare tag busybox "$REGISTRY/base/busybox:1"

out=$(tare push "$REGISTRY/base/busybox:1")
assert_contains "$out" "The push refers to repository [$REGISTRY/base/busybox]"
assert_contains "$out" ': Pushed'
assert_matches "$out" '1: digest: sha256:[0-9a-f]{64} size: [0-9]+$'
digest=$(sed -n 's/^1: digest: \(.*\) size: .*/\1/p' <<<"$out")
assert_contains "$(tare push "$REGISTRY/base/busybox:1")" ': Layer already exists'

# A repository of the same registry gets its blobs without a byte sent.
tare tag busybox "$REGISTRY/other/copy:1"
assert_contains "$(tare push "$REGISTRY/other/copy:1")" ': Mounted from base/busybox'

# Others read it.
assert_eq "$(skopeo inspect --tls-verify=false "docker://$REGISTRY/other/copy:1" | jq -r .Digest)" "$digest"
skopeo copy -q --src-tls-verify=false "docker://$REGISTRY/base/busybox:1" "oci:$TMPDIR/layout:1"

# And it comes back as it went.
tare rmi "$REGISTRY/base/busybox:1" "$REGISTRY/other/copy:1" busybox >/dev/null
out=$(tare pull "$REGISTRY/base/busybox:1")
assert_contains "$out" '1: Pulling from base/busybox'
assert_matches "$out" '[0-9a-f]{12}: Pulling fs layer'
assert_matches "$out" '[0-9a-f]{12}: Pull complete'
assert_contains "$out" "Digest: $digest"
assert_contains "$out" "Status: Downloaded newer image for $REGISTRY/base/busybox:1"
assert_eq "$(tail -1 <<<"$out")" "$REGISTRY/base/busybox:1"
assert_eq "$(tare images -q --no-trunc)" "$id"
assert_contains "$(tare inspect --format '{{json .RepoDigests}}' "$REGISTRY/base/busybox:1")" "@$digest"
assert_eq "$(tare run --rm --network none "$REGISTRY/base/busybox:1" echo runs)" runs
[ -z "$(ls -A "$TARE_ROOT/downloads")" ] || fail "parts of downloads are left"

out=$(tare pull "$REGISTRY/base/busybox:1")
assert_contains "$out" "Status: Image is up to date for $REGISTRY/base/busybox:1"
assert_lacks "$out" 'fs layer'
assert_eq "$(tare pull -q "$REGISTRY/base/busybox:1")" "$REGISTRY/base/busybox:1"

# Layers that are there are not got again.
out=$(tare pull "$REGISTRY/other/copy:1")
assert_contains "$out" ': Already exists'
assert_lacks "$out" 'fs layer'

# By digest.
tare pull -q "$REGISTRY/base/busybox@$digest" >/dev/null
exits 1 tare pull "$REGISTRY/base/busybox:none" 2>"$TMPDIR/err"
assert_contains "$(cat "$TMPDIR/err")" "manifest base/busybox:none is not at $REGISTRY: manifest unknown"
exits 1 tare pull "$REGISTRY/base/busybox@sha256:$(printf '%064d' 0)" 2>/dev/null

# Platforms as docker takes them; a word that is none is refused before anybody is asked.
tare pull -q --platform linux "$REGISTRY/base/busybox:1" >/dev/null
exits 1 tare pull --platform arm/v7 "$REGISTRY/base/busybox:1" 2>"$TMPDIR/err" >&2
assert_contains "$(cat "$TMPDIR/err")" 'the image is for linux/'
exits 1 tare pull --platform pdp "$REGISTRY/base/busybox:1" 2>"$TMPDIR/err" >&2
assert_contains "$(cat "$TMPDIR/err")" "'pdp' is not OS/ARCHITECTURE"

# All tags.
tare tag "$REGISTRY/base/busybox:1" "$REGISTRY/base/busybox:2"
assert_matches "$(tare push -a "$REGISTRY/base/busybox")" '2: digest: '
exits 1 tare push -a "$REGISTRY/base/busybox:1" 2>"$TMPDIR/err" >&2
assert_contains "$(cat "$TMPDIR/err")" "tag can't be used with --all-tags"
tare rmi "$REGISTRY/base/busybox:1" "$REGISTRY/base/busybox:2" >/dev/null
tare pull -a "$REGISTRY/base/busybox" >/dev/null
assert_eq "$(tare images "$REGISTRY/base/busybox" | tail -n +2 | wc -l)" 2

# What others push, with zstd layers and in an index.
skopeo copy -q --dest-tls-verify=false --format oci --dest-compress --dest-compress-format zstd \
  "oci:$TMPDIR/layout:1" "docker://$REGISTRY/zstd/busybox:1"
tare pull -q "$REGISTRY/zstd/busybox:1" >/dev/null
assert_eq "$(tare run --rm --network none "$REGISTRY/zstd/busybox:1" echo runs)" runs

# Looking without getting.
assert_eq "sha256:$(tare manifest inspect --raw "$REGISTRY/base/busybox:1" | sha256sum | cut -d ' ' -f 1)" "$digest"
assert_eq "$(tare manifest inspect -v "$REGISTRY/base/busybox:1" | jq -r .Descriptor.digest)" "$digest"
assert_eq "$(tare search --format '{{.Name}}' "$REGISTRY/zst")" "$REGISTRY/zstd/busybox"
[ -z "$(tare referrers "$REGISTRY/base/busybox:1")" ] || fail "something refers to it"
