# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2119,SC2164
# as: root user
# needs: docker-registry openssl python3
# A registry that wants tokens, and the server that gives them: to anybody for what is open, to who has
# logged in for the rest, by password and by refresh token; each with no more than it is needed for.
. "$TEST_LIB"
# shellcheck source=tests/registry.sh
. "$(dirname "$TEST_LIB")/registry.sh"

cd "$TMPDIR"
make_authority
start_tool token-server --certificate ca.crt --key ca.key --user 'ann:s3cret-word'
tokens=$TOOL_LOG
start_registry "auth: {token: {realm: 'http://$TOOL/token', service: test, issuer: test, rootcertbundle: $TMPDIR/ca.crt}}"
image_busybox
tare tag busybox "$REGISTRY/open/busybox:1"
tare tag busybox "$REGISTRY/closed/busybox:1"

exits 1 tare push -q "$REGISTRY/open/busybox:1" 2>err >&2
assert_contains "$(cat err)" "tare login $REGISTRY"
exits 1 tare login -u ann --password-stdin "$REGISTRY" <<<wrong-word 2>/dev/null >&2
tare login -u ann --password-stdin "$REGISTRY" <<<s3cret-word >/dev/null 2>&1
tare push -q "$REGISTRY/open/busybox:1" >/dev/null
# Mounted: the token is for both repositories.
assert_contains "$(tare push "$REGISTRY/closed/busybox:1")" ': Mounted from open/busybox'
assert_contains "$(cat "$tokens")" 'GET repository:closed/busybox:pull,push repository:open/busybox:pull ann'
: >"$tokens"
tare pull -q "$REGISTRY/closed/busybox:1" >/dev/null
assert_eq "$(cat "$tokens")" 'GET repository:closed/busybox:pull ann'
: >"$tokens"
assert_contains "$(tare copy "docker://$REGISTRY/closed/busybox:1" "docker://$REGISTRY/third/busybox:1")" ': Mounted from closed/busybox'

# Without the password what is open.
tare logout "$REGISTRY" >/dev/null
: >"$tokens"
tare pull -q "$REGISTRY/open/busybox:1" >/dev/null
assert_eq "$(cat "$tokens")" 'GET repository:open/busybox:pull -'
exits 1 tare pull -q "$REGISTRY/closed/busybox:1" 2>err >&2
assert_contains "$(cat err)" "tare login $REGISTRY"

# A refresh token, as logins in a browser leave it.
mkdir -p "$HOME/.docker"
printf '{"auths":{"%s":{"auth":"%s","identitytoken":"refresh-ann"}}}' "$REGISTRY" \
  "$(printf '00000000-0000-0000-0000-000000000000:' | base64 -w 0)" >"$HOME/.docker/config.json"
: >"$tokens"
tare pull -q "$REGISTRY/closed/busybox:1" >/dev/null
assert_eq "$(cat "$tokens")" 'POST repository:closed/busybox:pull ann'
