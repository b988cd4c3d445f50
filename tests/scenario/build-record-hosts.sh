# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# tare build --add-host: a name that only this build knows is also what the recorder asks for downloads.
# network: outside
. "$TEST_LIB"
# shellcheck source=tests/web.sh
. "$(dirname "$TEST_LIB")/web.sh"
image_busybox
start_web 8080
mkdir app
cat >app/Dockerfile <<'TEXT'
FROM busybox
RUN wget -q -O /one http://mirror.internal:8080/file/one
TEXT
not tare build -q app 2>log
assert_contains "$(cat log)" mirror.internal
tare build -q -t app --add-host mirror.internal:203.0.113.1 app >/dev/null 2>log || fail "$(cat log server.log)"
assert_eq "$(tare run --rm --network none app cat /one)" 'content of one'
assert_contains "$(cat app/Dockerfile.lock)" http://mirror.internal:8080/file/one
