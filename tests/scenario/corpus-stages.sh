# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# A real-life Dockerfile without packages: development, tests and production in one file, by --target and ARG.
. "$TEST_LIB"
. "$(dirname "$TEST_LIB")/corpus.sh"
image_busybox
cp -r "$CORPUS/stages" .
build() { tare build --progress plain --network none "$@" stages 2>log; }
build -t app --build-arg VERSION=2 || fail "$(cat log)"
assert_lacks "$(cat log)" '[development'
assert_lacks "$(cat log)" '[test'
assert_eq "$(tare run --rm --network none app)" $'running as nobody in production with 2.1\nversion 2 yes'
assert_eq "$(tare run --rm --network none --entrypoint sh app -c 'cat /etc/app.conf; stat -c %a /app/program; ls -A /app')" \
  $'level=warn\n555\nprogram'
build -t dev --target development || fail "$(cat log)"
assert_eq "$(tare run --rm --network none dev)" 'developing in development with alpha beta'
assert_eq "$(tare inspect --format '{{json .Config.Volumes}}' dev)" '{"/app/src":{}}'
build --target report --build-arg VERSION=2 -o out || fail "$(cat log)"
assert_eq "$(cat out/result; ls out)" $'passed\nresult'
# A variable that has to be given is asked for.
not build --target test
assert_contains "$(cat log)" 'VERSION'
# One dependency more: what does not need it stays.
echo 'gamma 3.0' >>stages/dependencies.txt
build -t app --build-arg VERSION=2 || fail "$(cat log)"
assert_contains "$(cat log)" 'dependencies.txt'
assert_eq "$(tare run --rm --network none --entrypoint cat app /deps/gamma)" 3.0
