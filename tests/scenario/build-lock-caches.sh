# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# What a cache mount has is not asked for again, and stays in the lock all the same: --locked, whose caches begin empty
# and end with the step, gives it again. A lock that was written without it is made whole by `lock update`.
# as: root user
# network: outside
# needs: jq
. "$TEST_LIB"
# shellcheck source=tests/web.sh
. "$(dirname "$TEST_LIB")/web.sh"
image_busybox
start_web 8080
mkdir app
printf 'ls /cache | wc -l >/found\n[ -e /cache/one ] || wget -q -O /cache/one %s/file/one\ncp /cache/one /one\n' "$base" >app/get
dockerfile() { printf 'FROM busybox\nENV VERSION=%s\nCOPY get /\nRUN --mount=type=cache,target=/cache %s\n' "$@" >app/Dockerfile; }
build() { tare build --progress plain -t app "$@" app >log 2>&1 || fail "$(cat log)"; }
inside() { tare run --rm --network none app cat "$1"; }
asked() { grep -c 'GET /file/one' server.log || true; }
locked() { jq -r '.runs[] | "\(.step[0:13]) \(.downloads[].url)"' app/Dockerfile.lock; }
dockerfile 1 'sh /get'
build
assert_eq "$(locked) $(asked)" "[stage-0] RUN $base/file/one 1"
# Warm: nothing is asked for, and nothing leaves the lock; under another text neither.
dockerfile 2 'sh /get'
build
assert_eq "$(locked) $(asked) $(inside /found)" "[stage-0] RUN $base/file/one 1 1"
dockerfile 2 'sh  /get'
build
assert_eq "$(locked) $(asked)" "[stage-0] RUN $base/file/one 1"
# What the cache has has no part in it, now and later.
volumes=$(tare volume ls -q)
build --locked
assert_contains "$(cat log)" '1 of 2 steps were there'
assert_eq "$(inside /one) $(inside /found) $(asked)" 'content of one 0 1'
assert_eq "$(tare volume ls -q)" "$volumes"
build --locked
assert_contains "$(cat log)" '2 of 2 steps were there'
# A new lock does not know what was in the cache before.
rm app/Dockerfile.lock
dockerfile 3 'sh /get'
build
assert_eq "$(locked)" ''
not tare build -q --locked app >log 2>&1
assert_contains "$(cat log)" "does not have: 'GET $base/file/one'"
assert_contains "$(cat log)" 'tare lock update'
echo '{"version": 1, "runs": [{"step": "[stage-0] RUN --mount=type=cache,target=/cache sh /get", "downloads": []}]}' >app/Dockerfile.lock
tare lock update 'sh /get' app >log 2>&1 || fail "$(cat log)"
assert_eq "$(locked) $(asked)" "[stage-0] RUN $base/file/one 2"
assert_eq "$(tare volume ls -q)" "$volumes"
net_clean
build --locked
assert_eq "$(inside /one)" 'content of one'
