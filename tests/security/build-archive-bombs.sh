# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# as: root user
# needs: python3 zstd gzip bzip2
# Archives of ADD and build contexts that want to be large, and layers that are: each ends in a sentence that
# names it, before the store's budget is exceeded, and nothing of it stays.
. "$TEST_LIB"

bomb() { "$(dirname "$TEST_LIB")/tools/make-bomb" "$@"; }
export TARE_STORE_MAX=100M
image_busybox
usage() { tare df --format json | python3 -c 'import json, sys; print(json.load(sys.stdin)["Total"])'; }
before=$(usage)
mkdir app
# The trash is emptied beside.
is_emptied() { [ -z "$(find "$TARE_ROOT/tmp" "$TARE_ROOT/trash" -mindepth 1 2>/dev/null | head -1)" ]; }
# refused WORDS COMMAND...
refused() {
  local words=$1 status=0 now
  shift
  timeout 60 "$@" >out 2>&1 || status=$?
  [ $status = 1 ] || fail "status $status: $* $(tail -5 out)"
  assert_contains "$(cat out)" "$words"
  assert_contains "$(cat out)" 'room for'
  eventually 10 is_emptied
  now=$(usage)
  [ "$now" -lt $((before + 1000000)) ] || fail "$* left $((now - before)) bytes"
}
printf 'FROM busybox\nADD bomb.tar.x /x/\n' >app/Dockerfile
bomb zeros-zstd 1000000000 >app/bomb.tar.x
refused "unpack 'bomb.tar.x'" tare build --no-lock app
bomb zeros 500000000 >app/bomb.tar.x
refused "unpack 'bomb.tar.x'" tare build --no-lock app
head -c 150000000 /dev/zero | python3 -c '
import bz2, sys, tarfile
with bz2.open(sys.stdout.buffer, "wb") as packed, tarfile.open(fileobj=packed, mode="w|") as tar:
    entry = tarfile.TarInfo("zeros"); entry.size = 150000000
    tar.addfile(entry, sys.stdin.buffer)' >app/bomb.tar.x
refused "unpack 'bomb.tar.x'" tare build --no-lock app
# A hole takes no room until it is a layer.
bomb sparse 1000000000000 >app/bomb.tar.x
refused 'layer of the step' tare build --no-lock app
rm app/bomb.tar.x

# As a context.
cp app/Dockerfile Dockerfile
bomb zeros-zstd 1000000000 >context
refused 'build context' tare build --no-lock - <context
# What a RUN writes.
printf 'FROM busybox\nRUN truncate -s 100G /hole\n' >app/Dockerfile
refused 'layer of the step' tare build --no-lock --network none app
# What has room is done as ever, one after the other: what a step has needed is there for the next.
{
  echo FROM busybox
  for _ in 1 2 3 4 5; do echo 'ADD small.tar.gz /x/'; done
} >app/Dockerfile
head -c 20000000 /dev/zero >small && tar -czf app/small.tar.gz small
timeout 60 tare build -q --no-lock -t app app >/dev/null
