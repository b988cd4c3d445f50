# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# --locked takes a RUN from the cache only if it is known to have had nothing that the lock does not have: not one
# that went past the recorder or was made without one. It does it again, where nothing but the recorder is there.
# as: root user
# network: outside
# needs: jq
. "$TEST_LIB"
# shellcheck source=tests/web.sh
. "$(dirname "$TEST_LIB")/web.sh"
image_busybox
start_web 8080
# What asks from this machine's network, as --network=recorded does, does not ask this machine itself, but a proxy.
start_proxy 203.0.113.1:8080
recorded=(--network recorded --build-arg "http_proxy=http://$proxy")
mkdir app
build() { tare build --progress plain -t app "$@" app >log 2>&1 || fail "$(cat log)"; }
run() { printf 'FROM busybox\nRUN %s\n' "$@" >app/Dockerfile; }

# Past the recorder: the file is in the step, and its bytes are nowhere.
run "unset http_proxy HTTP_PROXY; wget -q -O /file $base/file/past || true"
build
assert_eq "$(tare run --rm --network none app cat /file)" 'content of past'
assert_eq "$(jq '.runs | length' app/Dockerfile.lock)" 0
build --locked
assert_contains "$(cat log)" '0 of 1 steps were there'
assert_contains "$(cat log)" 'again, because when it was done it may have had more than the lock says'
not tare run --rm --network none app test -s /file
build --locked
assert_contains "$(cat log)" '1 of 1 steps were there'
# In a build without a recorder, of what the lock has.
run "wget -q -O /file $base/file/one"
build
tare builder prune -af >/dev/null
build --no-lock
build --locked
assert_contains "$(cat log)" '0 of 1 steps were there'
build --locked
assert_contains "$(cat log)" '1 of 1 steps were there'
# Where there was no network, and where there was nothing but the recorder.
run "--network=none echo one >/file"
build
build --locked
assert_contains "$(cat log)" '1 of 1 steps were there'
run "wget -q -O /file $base/file/two"
build "${recorded[@]}"
build --locked
assert_contains "$(cat log)" '1 of 1 steps were there'
# An answer that is not noted, as the next one may be another, is one that the program may have used.
run "wget -q -O /file $base/file/three && wget -q -O- $base/fail/503 || echo failed >/file"
build "${recorded[@]}"
not tare build -q --locked -t app app >log 2>&1
assert_contains "$(cat log)" "does not have: 'GET $base/fail/503'"
# More than the lock has.
run "wget -q -O /file $base/file/two"
build "${recorded[@]}"
jq '.runs = []' app/Dockerfile.lock >lock && mv lock app/Dockerfile.lock
not tare build -q --locked -t app app >log 2>&1
assert_contains "$(cat log)" "does not have: 'GET $base/file/two'"
