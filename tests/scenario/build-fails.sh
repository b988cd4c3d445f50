# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# What is wrong is told with its place, line and remedy, and leaves no image, container or directory.
. "$TEST_LIB"
image_busybox
mkdir app
build() { tare build --network none -t app -f - app 2>&1; }
# The text that follows is a whole Dockerfile each.
refused() { not build; }
output=$(printf 'FROM busybox\nRUN true\nCOPYY a b\n' | refused)
assert_contains "$output" 'Dockerfile:3:1'
assert_contains "$output" '3 | COPYY a b'
assert_contains "$output" COPY
output=$(printf 'FROM busybox\nRUN echo before && exit 3\n' | refused)
assert_contains "$output" before
assert_contains "$output" 'Dockerfile:2:1'
assert_contains "$output" 'exit status 3'
# A quiet build that fails says why.
output=$(printf 'FROM busybox\nRUN echo before && printf last && exit 3\n' | not tare build -q --network none -f - app 2>&1)
assert_contains "$output" $'  before\n  last\n'
output=$(printf 'FROM busybox\nRUN ["/no/such"]\n' | refused)
assert_contains "$output" /no/such
output=$(printf 'FROM busybox\nCOPY --from=nosuch-image:1 / /\n' | timeout 60 tare build --network none -f - app 2>&1 || true)
assert_contains "$output" nosuch-image
output=$(printf 'FROM busybox\nCOPY --chown=nobodyknows . /x/\n' | refused)
assert_contains "$output" nobodyknows
output=$(printf 'FROM busybox\nRUN --mount=type=secret,id=key,required true\n' | refused)
assert_contains "$output" '--secret id=key'
output=$(not tare build --network none nowhere 2>&1)
assert_contains "$output" nowhere
output=$(not tare build --network none app 2>&1)
assert_contains "$output" Dockerfile
assert_eq "$(tare images -q | wc -l)" 1
assert_eq "$(tare ps -aq)" ''
assert_eq "$(find "$TARE_ROOT/tmp" -mindepth 1 | wc -l)" 0
assert_eq "$(find "$TARE_ROOT/containers" -mindepth 1 | wc -l)" 0
