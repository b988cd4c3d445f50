# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2119,SC2164
# as: root user
# needs: docker-registry skopeo
# registries.conf: mirrors, rewritten locations, short names, blocked registries; and what is wrong in it
# is named.
. "$TEST_LIB"
# shellcheck source=tests/registry.sh
. "$(dirname "$TEST_LIB")/registry.sh"

start_registry
skopeo copy -q --dest-tls-verify=false "docker-archive:$TEST_CACHE/busybox-docker.tar" \
  "docker://$REGISTRY/mirrored/tools/busybox:1"
export CONTAINERS_REGISTRIES_CONF=$TMPDIR/registries.conf
cat >"$CONTAINERS_REGISTRIES_CONF" <<CONF
# What a site has.
unqualified-search-registries = ["nothing.invalid", "$REGISTRY/mirrored"]

[aliases]
"bb" = "example.com/tools/busybox"

[[registry]]
prefix = "example.com"
location = "$REGISTRY/mirrored"
insecure = true

[[registry]]
location = "mirrored.example"
[[registry.mirror]]
location = "127.0.0.1:1/dead"
[[registry.mirror]]
location = '$REGISTRY/mirrored'
insecure = true

[[registry]]
prefix = "*.evil.example"
blocked = true
CONF

# The name is the one that was asked for, wherever the bytes are.
assert_eq "$(tare pull -q example.com/tools/busybox:1)" example.com/tools/busybox:1
tare rmi example.com/tools/busybox:1 >/dev/null

out=$(tare pull mirrored.example/tools/busybox:1)
assert_contains "$out" 'trying '
assert_contains "$out" 'newer image for mirrored.example/tools/busybox:1'
tare rmi mirrored.example/tools/busybox:1 >/dev/null

# A short name is what the alias says, and is found again.
assert_eq "$(tare pull -q bb:1)" example.com/tools/busybox:1
assert_eq "$(tare run --rm --network none bb:1 echo runs)" runs
tare rmi example.com/tools/busybox:1 >/dev/null

exits 1 tare pull cdn.evil.example/x 2>"$TMPDIR/err" >&2
assert_contains "$(cat "$TMPDIR/err")" "is blocked by '$CONTAINERS_REGISTRIES_CONF'"

printf 'unqualified-search-registries = ["a"\n[[registry]\n' >"$CONTAINERS_REGISTRIES_CONF"
exits 1 tare pull busybox 2>"$TMPDIR/err" >&2
assert_contains "$(cat "$TMPDIR/err")" 'line 2'
