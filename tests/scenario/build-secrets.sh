# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2119
# as: root user
# needs: docker-registry skopeo
# A secret that was given to a build and is in the image, in whatever form, is told of with step and path, and
# the image is not pushed, nor one that is built on it.
. "$TEST_LIB"
# shellcheck source=tests/registry.sh
. "$(dirname "$TEST_LIB")/registry.sh"

image_busybox
start_registry
mkdir app
printf 'hunter2-is-long/&x\n' >secret
build() {
  tare build --network none --progress plain -t app --secret id=key,src=secret "$@" app >log 2>&1 || fail "$(cat log)"
}
refused() {
  tare tag "$1" "$REGISTRY/app:$2"
  exits 1 tare push -q "$REGISTRY/app:$2" 2>refused
  assert_contains "$(cat refused)" "the secret 'key', which was given to a build, is in the image"
  not skopeo inspect --tls-verify=false "docker://$REGISTRY/app:$2" 2>/dev/null
}

# Used as it should be: nothing is found.
cat >app/Dockerfile <<'TEXT'
FROM busybox
RUN --mount=type=secret,id=key wc -c /run/secrets/key >/size
TEXT
build
assert_lacks "$(cat log)" 'SECRET'
tare tag app "$REGISTRY/app:good"
tare push -q "$REGISTRY/app:good" >/dev/null

# In a file of a layer, as base64 in the midst of a text, and taken away by a later step.
cat >app/Dockerfile <<'TEXT'
FROM busybox
RUN --mount=type=secret,id=key mkdir /d && printf 'user:%s@' "$(cat /run/secrets/key)" | base64 >/d/config
RUN rm -r /d
TEXT
build --layer-per-step
assert_contains "$(cat log)" "SECRET IN THE IMAGE: 'key' is in /d/config, made by Dockerfile:2: RUN"
refused app layer
exits 1 tare copy -q store:app "docker://$REGISTRY/app:copied" 2>refused
assert_contains "$(cat refused)" "the secret 'key'"
tare copy -q store:app oci:layout:1 >/dev/null
exits 1 tare copy -q oci:layout:1 "docker://$REGISTRY/app:copied" 2>refused
assert_contains "$(cat refused)" "the secret 'key'"
tare push -q --allow-secret key "$REGISTRY/app:layer" >/dev/null
# The step is there already, and the secret is found all the same; also without the secret.
build --layer-per-step
assert_contains "$(cat log)" "SECRET IN THE IMAGE: 'key' is in /d/config"
printf 'FROM app\nRUN echo on top >/top\n' >app/Dockerfile.top
tare build -q --network none -t top -f app/Dockerfile.top app >/dev/null 2>log
assert_contains "$(cat log)" "'key' is in /d/config"
refused top top

# In what the program printed: told, and no fault of the image.
cat >app/Dockerfile <<'TEXT'
FROM busybox
RUN --mount=type=secret,id=key cat /run/secrets/key
TEXT
build
assert_contains "$(cat log)" "the secret 'key' was printed by [stage-0 1/1] RUN"
tare tag app "$REGISTRY/app:said"
tare push -q "$REGISTRY/app:said" >/dev/null

# In the environment, from an argument; and in an image that takes it from there.
cat >app/Dockerfile <<'TEXT'
FROM busybox
ARG VALUE
ENV KEY=$VALUE
TEXT
build --build-arg "VALUE=$(cat secret)"
assert_contains "$(cat log)" 'the variable KEY'
refused app env
printf 'FROM app\nUNSET ENV KEY\n' >app/Dockerfile.top
if tare build -q --network none -t top -f app/Dockerfile.top app >/dev/null 2>log; then refused top unset; fi

# Nothing that tells it is kept.
not grep -rqF hunter2-is-long "$TARE_ROOT/leaks"

# What only looks like a secret is told of when it is pushed.
printf 'token = ghp_%036d\n' 7 >app/token
printf 'FROM busybox\nCOPY token /etc/token\n' >app/Dockerfile
tare build -q --network none -t looks app >/dev/null
tare tag looks "$REGISTRY/looks:1"
tare push -q "$REGISTRY/looks:1" >/dev/null 2>log
assert_contains "$(cat log)" 'what looks like a GitHub token was pushed: /etc/token'
