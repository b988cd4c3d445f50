# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# build --check-reproducible builds twice, and names the first file that differs and the step that wrote it.
. "$TEST_LIB"
image_busybox
mkdir context
cat >context/Dockerfile <<'TEXT'
FROM busybox
RUN mkdir /made; echo always >/made/a; touch /made/z
COPY Dockerfile /made/
TEXT
tare build -q --network none --check-reproducible -t same context >id
assert_eq "$(tare images -q --no-trunc same)" "$(cat id)"
cat >context/Dockerfile <<'TEXT'
FROM busybox
RUN mkdir /made; echo always >/made/a
RUN cat /proc/sys/kernel/random/uuid >/made/q; date +%s%N >/made/z
COPY Dockerfile /made/
TEXT
if tare build -q --network none --check-reproducible -t other context 2>errors; then fail 'it was reproducible'; fi
assert_contains "$(cat errors)" "not reproducible: '/made/q' differs: its content differs"
assert_contains "$(cat errors)" 'Dockerfile:3'
# Processors and the umask are others the second time.
for command in nproc umask; do
  printf 'FROM busybox\nRUN %s >/seen\n' "$command" >context/Dockerfile
  status=0
  tare build -q --network none --check-reproducible context >/dev/null 2>errors || status=$?
  if [ "$command" = nproc ] && [ "$(nproc)" -gt 1 ]; then
    assert_contains "$(cat errors)" "'/seen' differs"
  else
    assert_eq "$status" 0 "$command"
  fi
done
# What was made to be compared is not kept: the next build finds the steps of the first one.
tare build --network none context >/dev/null 2>errors
assert_contains "$(cat errors)" '1 of 1 steps were there'
