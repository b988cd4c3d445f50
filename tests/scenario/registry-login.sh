# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2119,SC2164
# as: root user
# needs: docker-registry openssl python3
# A registry with TLS and passwords: nothing without its certificate, nothing without the password, and
# the password is kept where docker keeps it.
. "$TEST_LIB"
# shellcheck source=tests/registry.sh
. "$(dirname "$TEST_LIB")/registry.sh"

cd "$TMPDIR"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test-ca \
  -keyout ca.key -out ca.crt 2>/dev/null
openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=registry \
  -keyout server.key -out server.csr 2>/dev/null
openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 \
  -extfile <(echo subjectAltName=IP:127.0.0.1) -out server.crt 2>/dev/null
python3 -W ignore -c 'import crypt; print("ann:" + crypt.crypt("s3cret-word", "$2b$05$abcdefghijklmnopqrstuu"))' >passwords
start_registry "  tls: {certificate: $TMPDIR/server.crt, key: $TMPDIR/server.key}
auth: {htpasswd: {realm: test, path: $TMPDIR/passwords}}"
certificates=$HOME/.config/containers/certs.d/$REGISTRY
image_busybox
tare tag busybox "$REGISTRY/a/busybox:1"

# Unknown to everybody: not verified silently.
exits 1 tare login --tls-verify -u ann --password-stdin "$REGISTRY" <<<s3cret-word 2>err
assert_contains "$(cat err)" 'certificate'
mkdir -p "$certificates"
cp ca.crt "$certificates/"

exits 1 tare push "$REGISTRY/a/busybox:1" 2>err >/dev/null
assert_contains "$(cat err)" "tare login $REGISTRY"
exits 1 tare login -u ann --password-stdin "$REGISTRY" <<<wrong-word 2>err
assert_contains "$(cat err)" 'incorrect username or password'
assert_lacks "$(cat err)" wrong-word
[ ! -e "$HOME/.docker/config.json" ] || fail "a wrong password was kept"

mkdir -p "$HOME/.docker"
echo '{"HttpHeaders":{"X":"y"},"auths":{"other.example":{"auth":"YTpi"}}}' >"$HOME/.docker/config.json"
assert_eq "$(tare login -u ann --password-stdin "$REGISTRY" <<<s3cret-word 2>err)" 'Login Succeeded'
assert_contains "$(cat err)" 'unencrypted'
assert_eq "$(stat -c %a "$HOME/.docker/config.json")" 600
assert_contains "$(cat "$HOME/.docker/config.json")" '"X": "y"'
assert_contains "$(cat "$HOME/.docker/config.json")" other.example

tare push -q "$REGISTRY/a/busybox:1" >/dev/null
tare rmi "$REGISTRY/a/busybox:1" >/dev/null
tare pull -q "$REGISTRY/a/busybox:1" >/dev/null

assert_eq "$(tare logout "$REGISTRY")" "Removing login credentials for $REGISTRY"
assert_contains "$(tare logout "$REGISTRY")" 'Not logged in'
assert_contains "$(cat "$HOME/.docker/config.json")" other.example
exits 1 tare pull "$REGISTRY/a/busybox:1" 2>/dev/null >&2

# A credential helper keeps it instead, and is asked.
mkdir bin
cat >bin/docker-credential-box <<'HELPER'
#!/bin/sh
case $1 in
  store) cat >"$TMPDIR/kept" ;;
  get) if [ -e "$TMPDIR/kept" ]; then cat "$TMPDIR/kept"; else echo "credentials not found in native keychain"; exit 1; fi ;;
  erase) rm -f "$TMPDIR/kept" ;;
esac
HELPER
chmod +x bin/docker-credential-box
export PATH=$TMPDIR/bin:$PATH
echo '{"credsStore":"box"}' >"$HOME/.docker/config.json"
tare login -u ann --password-stdin "$REGISTRY" <<<s3cret-word >/dev/null
assert_contains "$(cat kept)" s3cret-word
assert_lacks "$(cat "$HOME/.docker/config.json")" auths
tare pull -q "$REGISTRY/a/busybox:1" >/dev/null
tare logout "$REGISTRY" >/dev/null
[ ! -e kept ] || fail "logout left the password"
