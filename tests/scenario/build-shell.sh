# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# build --at LINE opens a shell in the state of that line, --shell-on-error one where a RUN failed. Neither
# leaves an image, a container, or a step that a later build would take for done.
. "$TEST_LIB"
image_busybox
mkdir context
cat >context/Dockerfile <<'TEXT'
FROM busybox AS first
WORKDIR /place
ENV STEP=one
RUN echo made >/one
RUN echo made >/two
FROM busybox
COPY --from=first /one /copied
RUN --mount=type=tmpfs,target=/memory touch /half /memory/x && exit 3
TEXT
at() { echo "$2" | tare build --network none --progress quiet --at "$1" context 2>errors; }
assert_eq "$(at 4 'echo $STEP $PWD; ls /one /two 2>/dev/null')" 'one /place
/one'
assert_eq "$(at 3 'ls /one 2>/dev/null; echo $STEP')" one
assert_eq "$(at 7 'cat /copied')" made
exits 1 tare build --network none --at 99999999 context <<<'' 2>errors
exits 1 tare build --network none --at x context 2>errors
assert_contains "$(cat errors)" 'not a line of a Dockerfile'
printf '# only a comment\nFROM busybox\n' >other
exits 1 tare build --network none --at 1 -f other context 2>errors
assert_contains "$(cat errors)" 'no stage has begun at line 1'

steps=$(find "$TARE_ROOT/steps" -name '*.json' | wc -l)
seen=$(echo 'ls -d /half /memory /copied; echo fixed >/half' | tare build -q --network none --shell-on-error context 2>errors || true)
assert_eq "$seen" $'/copied\n/half\n/memory'
assert_contains "$(cat errors)" 'ended with exit status 3'
assert_eq "$(find "$TARE_ROOT/steps" -name '*.json' | wc -l)" "$steps" steps
assert_eq "$(tare images -q | wc -l)" 1 images
assert_eq "$(tare ps -aq)" '' containers
exits 1 tare build -q --network none context 2>errors
assert_contains "$(cat errors)" 'ended with exit status 3'
