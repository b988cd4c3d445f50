# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# Removed volumes can be brought back, by name and with their container; df counts them.
. "$TEST_LIB"
export TARE_UNDO_TIME=1h
image_busybox
run() { tare run --rm --network none "$@"; }
tare volume create data --label a=b >/dev/null
run -v data:/d busybox sh -c 'dd if=/dev/zero of=/d/big bs=1k count=500 2>/dev/null; echo 1 >/d/n'
assert_contains "$(tare df --why volumes/data/_data 2>&1)" 'of volume data, which no container uses'
tare system df >out
grep -Eq '^Local Volumes +1 +0 +[0-9.]+kB +[0-9.]+kB \(100%\)' out || fail "$(cat out)"
tare volume rm data >/dev/null
assert_eq "$(tare volume ls -q)" ''
tare undo --list >out
grep -Eq '^volume +[0-9a-f]{12} +data ' out || fail "$(cat out)"
assert_contains "$(tare system df)" 'Removed'
tare df -v >out
grep -Eq '^data +0 +[0-9.]+kB +removed$' out || fail "$(cat out)"
# A new one of the name: then it comes back under another.
run -v data:/d busybox sh -c 'echo 2 >/d/n'
not tare undo data 2>err
assert_contains "$(cat err)" 'volume name '
assert_eq "$(tare undo --name old data)" 'Restored volume: old'
assert_eq "$(run -v old:/d busybox cat /d/n)" 1
assert_eq "$(tare volume inspect -f '{{.Name}} {{.Labels.a}}' old)" 'old b'
tare volume rm data >/dev/null
tare volume rm old >/dev/null
assert_eq "$(tare undo data)" 'Restored volume: data'
assert_eq "$(run -v data:/d busybox cat /d/n)" 2
# With its container: anonymous ones that went with rm -v, named ones that went after it.
tare run --name web --network none -v /anon -v data:/d busybox sh -c 'echo a >>/anon/x; cat /anon/x'
anon=$(tare volume ls -q --filter label=com.docker.volume.anonymous)
tare rm -v web >/dev/null
tare volume rm data >/dev/null
assert_eq "$(tare volume ls -q)" ''
tare undo web >out
grep -q "Restored volume: $anon" out || fail "$(cat out)"
grep -q 'Restored volume: data' out || fail "$(cat out)"
assert_eq "$(tare start -a web)" $'a\na'
tare rm -v web >/dev/null
tare undo >out  # All of the batch.
assert_eq "$(sort out | tr '\n' ' ')" "Restored container: web Restored volume: $anon "
# What is gone for good is said.
tare rm -v --no-undo web >/dev/null
tare create --name web --network none -v data:/d busybox true >/dev/null
tare rm web >/dev/null
tare volume rm --no-undo data >/dev/null
not tare undo web 2>err
assert_contains "$(cat err)" "its volume 'data' was removed for good"
tare volume create data >/dev/null
tare undo web >/dev/null
tare rm web >/dev/null
tare volume rm data >/dev/null
# Its time and the bin's size end it.
TARE_UNDO_TIME=0 tare volume prune -a -f >/dev/null
tare undo --empty >/dev/null
assert_eq "$(tare undo --list | wc -l)" 1
assert_eq "$(ls -A "$TARE_ROOT/bin/volumes")" ''
