# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2119,SC2164
# as: root user
# needs: docker-registry openssl python3
# Registries behind a proxy: by the environment in small and capital letters or by Docker's config.json, for
# http and, in a tunnel, for https; and what NO_PROXY says is spoken to directly.
. "$TEST_LIB"
# shellcheck source=tests/registry.sh
. "$(dirname "$TEST_LIB")/registry.sh"

cd "$TMPDIR"
unset http_proxy https_proxy no_proxy all_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY
make_authority
make_certificate registry subjectAltName=DNS:registry.test
start_registry
plain=$REGISTRY
start_tool proxy "$plain"
plain_proxy=$TOOL plain_log=$TOOL_LOG
start_registry "  tls: {certificate: $TMPDIR/registry.crt, key: $TMPDIR/registry.key}"
start_tool proxy --user 'ann:s3cret-word' "$REGISTRY"
safe_proxy=$TOOL safe_log=$TOOL_LOG
image_busybox
tare tag busybox registry.test/a:1
tare tag busybox registry.test:5000/a:1

# Nobody knows that name but the proxy.
exits 1 timeout 20 tare push -q --tls-verify=false registry.test:5000/a:1 2>/dev/null >&2
HTTP_PROXY=http://$plain_proxy tare push -q --tls-verify=false registry.test:5000/a:1 >/dev/null
assert_contains "$(cat "$plain_log")" 'PUT http://registry.test:5000/v2/a/manifests/1'
tare rmi registry.test:5000/a:1 >/dev/null
http_proxy=$plain_proxy tare pull -q --tls-verify=false registry.test:5000/a:1 >/dev/null
all_proxy=http://$plain_proxy tare pull -q --tls-verify=false registry.test:5000/a:1 >/dev/null

# Encrypted, in a tunnel, with a password for the proxy, which no message has.
mkdir -p "$HOME/.config/containers/certs.d/registry.test"
cp ca.crt "$HOME/.config/containers/certs.d/registry.test/"
HTTPS_PROXY=http://ann:s3cret-word@$safe_proxy tare push -q registry.test/a:1 >/dev/null
assert_eq "$(sort -u "$safe_log" | grep -v listening)" 'CONNECT registry.test:443'
exits 1 env https_proxy="http://ann:wrong-word@$safe_proxy" timeout 60 tare pull registry.test/a:1 >err 2>&1
assert_contains "$(cat err)" 407
assert_lacks "$(cat err)" wrong-word
tare rmi registry.test/a:1 >/dev/null
HTTPS_PROXY=http://ann:s3cret-word@$safe_proxy tare pull -q registry.test/a:1 >/dev/null

# As Docker keeps it; the environment is above that.
mkdir -p "$HOME/.docker"
printf '{"proxies":{"default":{"httpProxy":"http://%s","httpsProxy":"http://ann:s3cret-word@%s"}}}' \
  "$plain_proxy" "$safe_proxy" >"$HOME/.docker/config.json"
tare pull -q registry.test/a:1 >/dev/null
tare pull -q --tls-verify=false registry.test:5000/a:1 >/dev/null
exits 1 env HTTP_PROXY=http://127.0.0.1:1 timeout 60 tare pull -q --tls-verify=false registry.test:5000/a:1 2>/dev/null >&2

# direct NAME VALUE: with that NO_PROXY the proxy is not asked.
asked() { grep -c "$1" "$plain_log" || true; }
rm "$HOME/.docker/config.json"
export http_proxy=http://$plain_proxy
direct() {
  local before
  before=$(asked "$1")
  exits 1 env no_proxy="$2" timeout 60 tare pull -q --tls-verify=false "$1:5000/a:1" 2>/dev/null >&2
  assert_eq "$(asked "$1")" "$before" "times that the proxy was asked for $1 with NO_PROXY=$2"
}
direct registry.test other.test,test
direct registry.test '*.test'
direct registry.test registry.test:5000
direct 127.9.9.9 ''
NO_PROXY=registry.test:5001,.registry.test tare pull -q --tls-verify=false registry.test:5000/a:1 >/dev/null
before=$(asked 192.0.2.7)
no_proxy=10.0.0.0/8 tare pull -q --tls-verify=false 192.0.2.7:5000/a:1 >/dev/null
[ "$(asked 192.0.2.7)" -gt "$before" ] || fail 'the proxy was not asked'
