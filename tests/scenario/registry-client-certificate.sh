# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2119,SC2164
# as: root user
# needs: docker-registry openssl
# A registry with an authority of its own that wants to see a certificate of ours: certs.d has both.
. "$TEST_LIB"
# shellcheck source=tests/registry.sh
. "$(dirname "$TEST_LIB")/registry.sh"

cd "$TMPDIR"
make_authority
make_certificate server subjectAltName=IP:127.0.0.1
make_certificate client
start_registry "  tls: {certificate: $TMPDIR/server.crt, key: $TMPDIR/server.key, clientcas: [$TMPDIR/ca.crt]}"
certificates=$HOME/.config/containers/certs.d/$REGISTRY
mkdir -p "$certificates"
image_busybox
tare tag busybox "$REGISTRY/a/busybox:1"

cp ca.crt "$certificates/"
exits 1 timeout 60 tare push -q "$REGISTRY/a/busybox:1" 2>err >&2
assert_matches "$(cat err)" 'certificate'
cp client.crt "$certificates/client.cert"
exits 1 tare push -q "$REGISTRY/a/busybox:1" 2>err >&2
assert_contains "$(cat err)" 'without its key'
cp client.key "$certificates/client.key"
tare push -q "$REGISTRY/a/busybox:1" >/dev/null
tare copy -q "docker://$REGISTRY/a/busybox:1" "docker://$REGISTRY/b/busybox:1" >/dev/null
tare rmi "$REGISTRY/a/busybox:1" >/dev/null
tare pull -q "$REGISTRY/a/busybox:1" >/dev/null

# One of another authority is of no use.
mkdir other
(cd other && make_authority && make_certificate client)
cp other/client.crt "$certificates/client.cert"
cp other/client.key "$certificates/client.key"
exits 1 timeout 60 tare pull -q "$REGISTRY/a/busybox:1" 2>err >&2
assert_matches "$(cat err)" 'certificate|unknown ca'
