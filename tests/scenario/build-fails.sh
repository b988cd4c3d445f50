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
assert_contains "$output" 'start the program of the RUN step'
assert_lacks "$output" volume
# All lines of a RUN that fails, and some around.
output=$(printf 'FROM busybox\nENV a=1\nRUN echo a && \\\n    exit 3\nRUN true\n' | refused)
assert_contains "$output" $'  2 |     ENV a=1\n  3 | >>> RUN echo a && \\\n  4 | >>>     exit 3\n  5 |     RUN true\n  hint'
output=$(printf 'FROM busybox\nRUN <<END\necho a\nexit 3\nEND\n' | refused)
assert_contains "$output" $'  1 |     FROM busybox\n  2 | >>> RUN <<END\n  3 | >>> echo a\n  4 | >>> exit 3\n  5 | >>> END\n  hint'
output=$(printf 'FROM busybox\nINCLUDE nosuch\n' | refused)
assert_contains "$output" "Dockerfile:2:1: INCLUDE nosuch: "
# What turns the direction of writing is named, in output and errors.
output=$(printf 'FROM busybox\nRUN printf "a\\342\\200\\256b\\342\\201\\246c\\302\\233d\\n"; exit 3 # \u202e\n' | refused)
assert_contains "$output" 'a<U+202E>b<U+2066>c\xc2\x9bd'
assert_contains "$output" 'exit 3 # <U+202E>'
[[ $output != *$'\u202e'* && $output != *$'\u2066'* ]] || fail 'it is written as it is'
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
