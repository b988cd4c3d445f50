# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# A lock pins the image of FROM from a registry, whatever its name means now; `lock update` moves one entry, and
# tells which packages that changes; --pull moves all. ADD is compared with the lock.
# as: root
# needs: docker-registry skopeo
. "$TEST_LIB"
# shellcheck source=tests/registry.sh
. "$(dirname "$TEST_LIB")/registry.sh"
# image VERSION: a "Debian" with one package of that version, in the registry.
image() {
  rm -rf tree && mkdir -p tree/var/lib/dpkg
  printf 'Package: stable\nStatus: install ok installed\nVersion: 1\n\nPackage: tool\nStatus: install ok installed\nVersion: %s\n' "$1" >tree/var/lib/dpkg/status
  tar -C tree -cf tree.tar .
  docker_archive image.tar "$REGISTRY/base:1" "$TEST_CACHE/busybox.tar" tree.tar
  # Compressed, as images of registries are: what was made here is not pinned.
  skopeo copy -q --dest-tls-verify=false docker-archive:image.tar "docker://$REGISTRY/base:1"
}
version() { tare run --rm --network none "$1" sh -c 'sed -n "s/Version: //p" /var/lib/dpkg/status | tail -1'; }
start_registry
image 1.0
mkdir app
printf 'FROM %s/base:1\nRUN --network=none true\n' "$REGISTRY" >app/Dockerfile
tare build -q -t app app >/dev/null 2>log || fail "$(cat log)"
cp app/Dockerfile.lock before
image 2.0
# The name means another image now; the lock does not.
tare build -q -t app app >/dev/null 2>log || fail "$(cat log)"
assert_eq "$(version app)" 1.0
cmp before app/Dockerfile.lock
not tare lock update nothing app 2>log
assert_contains "$(cat log)" "has no 'nothing'"
tare lock update "$REGISTRY/base:1" app >said 2>log || fail "$(cat log)"
assert_matches "$(cat said)" "docker-image://$REGISTRY/base:1 sha256:[0-9a-f]+ -> sha256:"
assert_contains "$(cat said)" 'tool: 1.0 -> 2.0'
assert_lacks "$(cat said)" stable
tare build -q -t app app >/dev/null
assert_eq "$(version app)" 2.0
# Back, with the old lock: from the registry, by its digest; and from here when that is gone.
cp before app/Dockerfile.lock
tare build -q -t app app >/dev/null 2>log || fail "$(cat log)"
assert_eq "$(version app)" 1.0
cmp before app/Dockerfile.lock
tare build -q --pull -t app app >/dev/null
assert_eq "$(version app)" 2.0
not cmp -s before app/Dockerfile.lock
assert_contains "$(tare lock ls app)" "$REGISTRY/base:1 sha256:"
