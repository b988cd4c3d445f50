# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# What RUN downloads is noted and kept with the step; nothing of that is in the layer, and a RUN that
# downloads nothing starts no recorder.
# network: outside
# needs: jq
. "$TEST_LIB"
# shellcheck source=tests/web.sh
. "$(dirname "$TEST_LIB")/web.sh"
image_busybox
start_web 8080
mkdir app
cat >app/Dockerfile <<TEXT
FROM busybox
RUN echo quiet >/quiet
RUN wget -q -O /one $base/file/one && wget -q -O /two '$base/redirect?to=/file/two#part' && ! wget -q -O /none $base/missing
RUN env | sort >/env && ls /run >/run-files && wget -q -O /again $base/file/one
TEXT
tare build -q -t app app 2>log || fail "$(cat log server.log)"
assert_eq "$(tare run --rm --network none app cat /one /two /again)" $'content of one\ncontent of two\ncontent of one'
steps=$(cat "$TARE_ROOT"/steps/*.json | jq -s 'map(.materials // []) | add')
uris=$(jq -r '.[] | "\(.status) \(.uri)"' <<<"$steps" | sort)
assert_eq "$uris" "200 $base/file/one
200 $base/file/one
200 $base/file/two
302 $base/redirect?to=/file/two
404 $base/missing"
digest=$(printf 'content of one\n' | sha256sum | cut -d ' ' -f 1)
assert_eq "$(jq -r '.[] | select(.uri|endswith("one")).digest' <<<"$steps" | sort -u)" "sha256:$digest"
assert_eq "$(cat "$TARE_ROOT/blobs/sha256/$digest")" 'content of one'
# No trace of the recorder but in the environment of the program.
tare save app -o app.tar && mkdir image && tar -C image -xf app.tar
for layer in $(jq -r '.[0].Layers[]' image/manifest.json | tail -n +2); do tar -tf "image/$layer"; done >files
assert_eq "$(sort files | tr '\n' ' ')" 'again env one quiet run-files two '
assert_contains "$(tare run --rm --network none app cat /env)" http_proxy=http://127.0.0.1:
assert_lacks "$(tare inspect app)" proxy
# What was noted goes with the steps.
net_clean
tare builder prune -af >/dev/null
[ ! -e "$TARE_ROOT/blobs/sha256/$digest" ] || fail 'kept without a step'
