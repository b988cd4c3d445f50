# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2119
# as: root user
# needs: docker-registry
# A file with a secret in it, left in a stage by a build that was given the secret, is not pushed by a later build that is
# not: neither when COPY --from takes it, nor when a RUN has it mounted. Other files of the stage are.
. "$TEST_LIB"
# shellcheck source=tests/registry.sh
. "$(dirname "$TEST_LIB")/registry.sh"

image_busybox
start_registry
mkdir app
printf 'hunter2-is-long/&x\n' >secret
stage='FROM busybox AS made
RUN --mount=type=secret,id=key mkdir /d && { echo user; cat /run/secrets/key; } >/d/config && ln -s "$(cat /run/secrets/key)" /d/link && echo fine >/d/fine && echo other >/other'
build() { tare build --network none --progress plain -t app "$@" app >log 2>&1 || fail "$(cat log)"; }
# pushed NAME, refused NAME WORDS
pushed() {
  tare tag app "$REGISTRY/app:$1"
  tare push -q "$REGISTRY/app:$1" >/dev/null 2>refused || fail "$(cat refused)"
}
refused() {
  tare tag app "$REGISTRY/app:$1"
  exits 1 tare push -q "$REGISTRY/app:$1" 2>refused
  assert_contains "$(cat refused)" "$2"
}
printf '%s\n' "$stage" >app/Dockerfile
build --secret id=key,src=secret
assert_contains "$(cat log)" "SECRET IN THE IMAGE: 'key' is in"
not grep -rqF hunter2-is-long "$TARE_ROOT/leaks"

# As it is the stage's; from now on nobody gives the secret.
printf '%s\nFROM busybox\nCOPY --from=made /d/fine /other /\n' "$stage" >app/Dockerfile
build
assert_lacks "$(cat log)" secret\ \'
pushed fine
printf '%s\nFROM busybox\nCOPY --from=made --chown=7:8 --chmod=600 /d/config /renamed\n' "$stage" >app/Dockerfile
build
assert_contains "$(cat log)" "SECRET IN THE IMAGE: 'key' is in /renamed"
refused copied "the secret 'key', which was given to a build, is in the image: /renamed"
printf '%s\nFROM busybox\nCOPY --from=made /d /e\nRUN rm /e/config\n' "$stage" >app/Dockerfile
build
refused link "is in the image: /e/config, /e/link"
# Through one more stage, and an image on top that takes it away.
printf '%s\nFROM busybox AS second\nCOPY --from=made /d /e\nFROM busybox\nCOPY --from=second /e/config /f/\nRUN rm -r /f\n' "$stage" >app/Dockerfile
build
refused twice "the secret 'key'"
# A cache elsewhere neither.
exits 1 tare build -q --network none --cache-to type=local,dest=cache app >log 2>&1
assert_contains "$(cat log)" "secret"

# A RUN that has the file at hand.
printf '%s\nFROM busybox\nRUN --mount=from=made,target=/m base64 /m/d/config | base64 >/twice\n' "$stage" >app/Dockerfile
build
assert_contains "$(cat log)" "the secret 'key' may be in the image"
refused mounted "may be in the image, and was not given to be looked for"
tare push -q --allow-secret key "$REGISTRY/app:mounted" >/dev/null
printf 'FROM app\nRUN touch /top\n' >app/Dockerfile.top
tare build -q --network none -t app -f app/Dockerfile.top app >/dev/null 2>&1
refused top "may be in the image"
# One that has other files at hand; and the first one when the secret was looked for.
printf '%s\nFROM busybox\nRUN --mount=from=made,source=/other,target=/m cat /m >/got\n' "$stage" >app/Dockerfile
build
pushed other
printf '%s\nFROM busybox\nRUN --mount=from=made,target=/m cat /m/d/fine >/got\n' "$stage" >app/Dockerfile
build
refused unknown "may be in the image"
build --secret id=key,src=secret
pushed known
build
pushed known-again
