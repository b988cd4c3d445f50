# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# A start looks at the room without walking the store; what containers wrote meanwhile is counted by the
# next command that looks, which warns at the thresholds.
. "$TEST_LIB"
export TARE_UNDO_TIME=1h
image_busybox
total() { tare df --format '{{if eq .Class "total"}}{{.Bytes}}{{end}}' | tr -d '\n'; }
mkdir tree
openssl enc -aes-128-ctr -pass pass:x -nosalt -pbkdf2 </dev/zero 2>/dev/null | head -c 1000000 >tree/file || true
tar -C tree -cf spare.tar .
used=$(total)
# Over the budget: what nothing uses goes, and when that is not enough nothing starts.
exits 125 tare --store-max $((used / 2)) run --rm --network none busybox true 2>err
assert_matches "$(cat err)" 'there is no room for the start of a container, 0B free of the budget of .*; removing everything unused would give '
assert_contains "$(cat err)" '--store-max'
assert_eq "$(tare images --format '{{.Repository}}')" busybox
assert_eq "$(tare ps -aq)" '' 'containers of a start that was refused'
tare import -q spare.tar spare >/dev/null
tare create --name user --network none busybox true >/dev/null
used=$(total)
tare --store-max $((used - 1000)) run --rm --network none busybox true 2>err
assert_eq "$(tare images --format '{{.Repository}}')" busybox 'what is left after the eviction'
exits 125 tare --store-max 1000 start user 2>/dev/null

# What would be removed for how much.
tare import -q spare.tar spare >/dev/null
used=$(total)
tare --store-max $((used + 1000)) df --room 500k >out
assert_contains "$(cat out)" 'needs 512kB, '
assert_contains "$(cat out)" "would evict: image 'spare:latest', which no container uses"
exits 1 tare --store-max $((used + 1000)) df --room 1g >out
assert_contains "$(cat out)" 'is not enough'
assert_lacks "$(tare df --room 1k)" evict
tare rmi --no-undo spare >/dev/null

# Thresholds, which are a setting.
tare run -d --name writer --network none busybox sh -c 'dd if=/dev/zero of=/big bs=1M count=8 2>/dev/null; sleep 1000' >/dev/null
written() { [ "$(tare df --format '{{if eq .Class "upper"}}{{.Bytes}}{{end}}' | tr -d '\n')" -gt 8000000 ]; }
eventually 10 written
used=$(total)
assert_eq "$(tare --store-max $((used * 2)) df 2>&1 >/dev/null)" ''
tare --store-max $((used * 100 / 85)) df >/dev/null 2>err
assert_contains "$(cat err)" 'more than 80%'
assert_eq "$(wc -l <err)" 1 'warnings'
assert_contains "$(tare --store-max $((used * 100 / 93)) df 2>&1 >/dev/null)" 'more than 90%'
echo 'warn=50' >"$TARE_ROOT/settings"
assert_contains "$(tare --store-max $((used * 100 / 55)) df 2>&1 >/dev/null)" 'more than 50%'
# Not into the pipe of a container's output; a terminal is told.
assert_eq "$(tare --store-max $((used * 100 / 55)) run --rm --network none busybox true 2>&1)" ''
script -qec "tare --store-max $((used * 100 / 55)) run --rm --network none busybox true" /dev/null >out
assert_contains "$(cat out)" 'more than 50%'
echo 'warn=off' >"$TARE_ROOT/settings"
assert_eq "$(tare --store-max $((used + 1000000)) df 2>&1 >/dev/null)" ''
echo 'warn=90,80' >"$TARE_ROOT/settings"
exits 1 tare df 2>err
assert_contains "$(cat err)" "'90,80' are no thresholds"
rm "$TARE_ROOT/settings"
tare rm -f writer user >/dev/null
tare undo --empty >/dev/null

# A start does not read the store: not one directory of layers or containers is listed.
command -v strace >/dev/null || exit 0
strace -f -qq -e trace=getdents64 -o trace -y tare run --rm --network none busybox true 2>/dev/null || exit 0
grep -E "getdents64\([0-9]+<$TARE_ROOT/(layers|blobs|rootfs|containers/[^>]*upper)" trace && fail 'a walk at a start'
true
