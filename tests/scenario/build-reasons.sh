# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# Why a step is done again is said of the same Dockerfile and context, and of no other; and that an image is here for
# another platform, when the one that is asked for cannot be got.
. "$TEST_LIB"
image_busybox
mkdir one two
for place in one two; do printf 'FROM busybox\nARG WHAT=%s\nRUN echo $WHAT >/%s\n' $place $place >$place/Dockerfile; done
build() { tare build --progress plain --network none -o type=cacheonly "$@" >log 2>&1 || fail "$(cat log)"; }
because() { sed -n 's/.*again, because //p' log; }
build one
build two
assert_eq "$(because)" '' 'another context'
build --build-arg WHAT=other one
assert_eq "$(because)" 'variable WHAT: one -> other'
# The same name from another directory is another file.
mkdir here there
printf 'FROM busybox\nRUN echo here\n' >here/D
printf 'FROM busybox\nRUN echo there\n' >there/D
(cd here && build -f D ../one)
(cd there && build -f D ../one && assert_eq "$(because)" '' 'another Dockerfile')
# On standard input: only the same text.
build -f - one <here/D
build -f - one <there/D
assert_eq "$(because)" '' 'another text'
build -f - --no-cache one <there/D
assert_eq "$(because)" 'the cache is not wanted'
other=arm64
[ "$(uname -m)" != aarch64 ] || other=riscv64
printf 'FROM --platform=linux/%s localhost:1/busybox\n' $other >one/Dockerfile
tare tag busybox localhost:1/busybox
not timeout 60 tare build --network none one >log 2>&1
assert_contains "$(cat log)" "the image 'localhost:1/busybox' that is here is for linux/"
assert_contains "$(cat log)" "one for linux/$other cannot be got"
