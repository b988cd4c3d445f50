# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# The proxy that a build is given is the one that the recorder asks, for HTTP and HTTPS; it is in no key, and not in
# the lock.
# as: root user
# network: outside
# needs: jq openssl
. "$TEST_LIB"
# shellcheck source=tests/web.sh
. "$(dirname "$TEST_LIB")/web.sh"
image_busybox
start_web 8080
start_proxy --user me:geheim --at 203.0.113.1 203.0.113.1:8080
mkdir app
printf 'FROM busybox\nRUN env >/env; wget -q -O /file %s/file/one\n' "$base" >app/Dockerfile
build() { tare build --progress plain -t app "$@" app >log 2>&1 || fail "$(cat log)"; }
build --build-arg "http_proxy=http://me:geheim@$proxy"
assert_contains "$(cat proxy.log)" "GET $base/file/one"
assert_contains "$(tare run --rm --network none app cat /env)" http_proxy=http://127.0.0.1:
assert_lacks "$(tare run --rm --network none app cat /env)" geheim
assert_eq "$(jq -r '.runs[].downloads[].url' app/Dockerfile.lock)" "$base/file/one"
assert_lacks "$(cat app/Dockerfile.lock "$TARE_ROOT"/steps/*.json)" geheim
build
assert_contains "$(cat log)" '1 of 1 steps were there'
# Not for what it is not for.
: >proxy.log
build --no-cache --build-arg "http_proxy=http://me:geheim@$proxy" --build-arg no_proxy=.test
assert_eq "$(cat proxy.log)" ''
# One that is not there is named.
printf 'FROM busybox\nRUN ! wget -q -O /file %s/file/two\n' "$base" >app/Dockerfile
build --build-arg http_proxy=http://203.0.113.1:1
assert_contains "$(cat log)" "tare: $base/file/two: Failed to connect to 203.0.113.1 port 1"

[ "$TEST_AS" = root ] && [ -s "$TEST_CACHE/debian.tar" ] || exit 0
tare load -q -n debian -i "$TEST_CACHE/debian.tar" >/dev/null
make_certificate
export SSL_CERT_FILE=$PWD/ca/ca.pem
start_web 8443 ca/certificate ca/key
start_proxy --at 203.0.113.1 203.0.113.1:8443
printf 'FROM debian\nRUN /usr/lib/apt/apt-helper download-file %s/file/three /file\n' "$base" >app/Dockerfile
build --build-arg "https_proxy=http://$proxy"
assert_contains "$(cat proxy.log)" 'CONNECT ip-203-0-113-1.test:8443'
assert_eq "$(tare run --rm --network none app cat /file)" 'content of three'
assert_eq "$(jq -r '.runs[].downloads[].url' app/Dockerfile.lock)" "$base/file/three"
