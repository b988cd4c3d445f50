# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2119,SC2164
# as: root user
# needs: skopeo python3 jq
# Failures that pass are waited out: a cut connection (going on at the byte where it stopped, or from the
# start where the server knows no ranges), a server that fails, one that is busy and says how long.
. "$TEST_LIB"
# shellcheck source=tests/registry.sh
. "$(dirname "$TEST_LIB")/registry.sh"

skopeo copy -q "docker-archive:$TEST_CACHE/busybox-docker.tar" "oci:$TMPDIR/layout:1"
size=$(jq '.layers[0].size' "$TMPDIR/layout/blobs/sha256/$(jq -r '.manifests[0].digest' "$TMPDIR/layout/index.json" | cut -d: -f2)")
ranges() { sed -n 's/^GET .*blobs.* range=bytes=\([0-9]*\)-.*/\1/p' "$LIAR_LOG"; }
forget() { tare rmi "$1" >/dev/null; }

start_liar --base "$TMPDIR/layout" @cut cut @whole cut no-ranges @fails fail-twice @busy busy-once
# Cut twice, each time after half of the rest.
out=$(tare pull "$LIAR/cut:1")
assert_contains "$out" ': Retrying'
assert_eq "$(ranges | tr '\n' ' ')" "$((size / 2)) $((size / 2 + (size - size / 2) / 2)) "
forget "$LIAR/cut:1"
# No ranges: from the start.
tare pull -q "$LIAR/whole:1" >/dev/null
forget "$LIAR/whole:1"
tare pull -q "$LIAR/fails:1" >/dev/null
forget "$LIAR/fails:1"
begun=$SECONDS
tare pull -q "$LIAR/busy:1" >/dev/null
[ $((SECONDS - begun)) -ge 1 ] || fail "Retry-After was not waited for"
forget "$LIAR/busy:1"
