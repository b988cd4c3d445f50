# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# Memory, cpu and process limits hold; a limit that cannot be set fails the start.
. "$TEST_LIB"
image_busybox

error=$(tare run --rm --network none -m 64m busybox true 2>&1) || {
  assert_contains "$error" memory
  [ "$TEST_AS" != root ] || fail "no memory limit as root: $error"
  skip "no control group that this user may write"
}
# The whole is killed, and the record says why.
tare run --name fat --network none -m 32m --memory-swap 32m busybox sh -c \
  'dd if=/dev/zero of=/dev/null bs=200M count=1' >/dev/null 2>&1 && fail 'more memory than the limit'
assert_eq "$(tare inspect --format '{{.State.OOMKilled}}' fat)" true
tare run --rm --network none --pids-limit 10 busybox sh -c \
  'for i in $(seq 40); do sleep 1 & done; wait' >out 2>&1 || true
assert_matches "$(cat out)" "[Cc]an't fork|Resource temporarily"
tare run -d --name slow --network none --cpus 0.2 busybox sh -c 'while :; do :; done' >/dev/null
pid=$(tare inspect --format '{{.State.Pid}}' slow)
# 100 clock ticks are a second of processor time: at a fifth of one, 1.5 s of wall clock give 30.
begun=$(date +%s%N)
eventually 20 bash -c "[ \$(awk '{print \$14 + \$15}' /proc/$pid/stat) -gt 30 ]"
took=$((($(date +%s%N) - begun) / 1000000))
[ $took -gt 800 ] || fail "0.3 s of processor took only $took ms at --cpus 0.2"
exits 125 tare run --rm -m 1k --network none busybox true
exits 125 tare run --rm --cpus -1 --network none busybox true
exits 125 tare run --rm --cpus $(($(nproc --all) + 1)) --network none busybox true
