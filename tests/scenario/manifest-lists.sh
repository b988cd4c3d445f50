# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2119,SC2164
# as: root user
# needs: docker-registry skopeo jq
# manifest create, annotate, inspect, push and rm: one name for images for several kinds of machines, from
# one registry or several, as others read it.
. "$TEST_LIB"
# shellcheck source=tests/registry.sh
. "$(dirname "$TEST_LIB")/registry.sh"

start_registry
other=$REGISTRY
start_registry
cd "$TMPDIR"
image_busybox
own=$(tare copy -q store:busybox "docker://$REGISTRY/own:1")
# The same files for another machine.
tar -xf "$TEST_CACHE/busybox-docker.tar"
jq -c '.architecture = "arm64"' config.json >changed
mv changed config.json
tar -cf arm.tar manifest.json config.json layer.tar
arm=$(tare copy -q docker-archive:arm.tar "docker://$other/arm:1" 2>/dev/null)

assert_eq "$(tare manifest create "$REGISTRY/all:1" "$REGISTRY/own:1" "$other/arm:1")" "Created manifest list $REGISTRY/all:1"
exits 1 tare manifest create "$REGISTRY/all:1" "$REGISTRY/own:1" 2>err
assert_contains "$(cat err)" 'tare manifest rm'
list=$(tare manifest inspect "$REGISTRY/all:1")
assert_eq "$(jq -r '.manifests[] | "\(.digest) \(.platform.architecture)"' <<<"$list" | tr '\n' ' ')" \
  "$own $(skopeo inspect --tls-verify=false --config "docker://$REGISTRY/own:1" | jq -r .architecture) $arm arm64 "
tare manifest annotate --variant v8 "$REGISTRY/all:1" "$other/arm:1"
assert_eq "$(tare manifest inspect "$REGISTRY/all:1" | jq -r '.manifests[1].platform.variant')" v8
exits 1 tare manifest annotate --arch arm "$REGISTRY/all:1" "$REGISTRY/own@sha256:$(printf %064d 0)" 2>err
assert_contains "$(cat err)" 'is not in the manifest list'
exits 1 tare manifest annotate --arch arm "$REGISTRY/none:1" "$REGISTRY/own:1" 2>err
assert_contains "$(cat err)" 'there is no manifest list'

digest=$(tare manifest push "$REGISTRY/all:1" 2>/dev/null)
assert_eq "sha256:$(skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/all:1" | sha256sum | cut -d ' ' -f 1)" "$digest"
assert_eq "sha256:$(skopeo inspect --tls-verify=false --raw --override-arch arm64 "docker://$REGISTRY/all@$arm" | sha256sum | cut -d ' ' -f 1)" "$arm"
skopeo copy -q --all --src-tls-verify=false "docker://$REGISTRY/all:1" oci:all:1
tare rmi busybox >/dev/null
tare pull -q "$REGISTRY/all:1" >/dev/null
assert_eq "$(tare run --rm --network none "$REGISTRY/all:1" echo runs)" runs
assert_contains "$(tare pull --platform linux/arm64 "$REGISTRY/all:1")" "Digest: $digest"

# More of it later; and gone, when that is wanted.
tare manifest create --amend "$REGISTRY/all:1" "$REGISTRY/own:1" >/dev/null
assert_eq "$(tare manifest inspect "$REGISTRY/all:1" | jq '.manifests | length')" 2
exits 1 tare manifest create "$REGISTRY/two:1" "$REGISTRY/all:1" 2>err
assert_contains "$(cat err)" 'an index and not an image'
tare manifest push -p "$REGISTRY/all:1" >/dev/null 2>&1
exits 1 tare manifest rm "$REGISTRY/all:1" 2>/dev/null
tare manifest create "$REGISTRY/all:2" "$REGISTRY/own:1" >/dev/null
assert_eq "$(tare manifest rm "$REGISTRY/all:2")" "$REGISTRY/all:2"
exits 1 tare manifest inspect "$REGISTRY/all:2" 2>/dev/null
