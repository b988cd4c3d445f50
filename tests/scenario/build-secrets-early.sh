# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# A secret that a step has left is known also when the build then fails, is killed or makes no image: the next build,
# without the secret, takes that step, and its image is not pushed.
. "$TEST_LIB"
image_busybox
echo SuperSecretValue123456 >secret
mkdir app
build() { tare build --progress plain --network none --no-lock "$@" app 2>log; }
refused() {
  assert_contains "$(tare run --rm --network none "$1" cat /leak)" SuperSecretValue
  not timeout 20 tare push "$1" 2>log
  assert_contains "$(cat log)" /leak
}
printf 'FROM busybox\nRUN --mount=type=secret,id=s cp /run/secrets/s /leak\nCOPY flag /flag\nRUN test -s /flag\n' >app/Dockerfile
: >app/flag
not build --secret id=s,src=secret -t localhost:1/failed
echo x >app/flag
build -t localhost:1/failed || fail "$(cat log)"
assert_contains "$(cat log)" 'SECRET IN THE IMAGE'
refused localhost:1/failed
printf 'FROM busybox\nRUN --mount=type=secret,id=s cp /run/secrets/s /leak && echo other\n' >app/Dockerfile
build --secret id=s,src=secret -o type=tar,dest=out.tar || fail "$(cat log)"
assert_contains "$(cat log)" "SECRET IN THE OUTPUT: 's' is in /leak"
build -t localhost:1/output || fail "$(cat log)"
assert_eq "$(grep -c 'SECRET IN THE IMAGE' log)" 1
refused localhost:1/output
# Killed, what it has made is found to be leaky or made again.
printf 'FROM busybox\nRUN --mount=type=secret,id=s cp /run/secrets/s /leak && echo third\nRUN echo begun; sleep 1000\n' >app/Dockerfile
tare build --progress plain --network none --no-lock --secret id=s,src=secret app 2>log &
eventually 20 grep -q 's begun' log
kill -9 $!
wait $! 2>/dev/null || true
printf 'FROM busybox\nRUN --mount=type=secret,id=s cp /run/secrets/s /leak && echo third\n' >app/Dockerfile
if build -t localhost:1/killed; then refused localhost:1/killed; else assert_contains "$(cat log)" /run/secrets/s; fi
