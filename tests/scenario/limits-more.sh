# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# The rest of run's limits: each is in force, is shown, or is refused by name; running out of memory
# is told as such.
. "$TEST_LIB"
image_busybox

# Wrong values are found before anything is made.
for bad in '--cpu-period 5' '--cpu-shares 1' '--cpuset-cpus x' '--cpuset-cpus 2-1' '--blkio-weight 5' \
  '--memory-swappiness 200' '--oom-score-adj 2000' '--device-read-bps /dev/null:1m' \
  '--device-cgroup-rule x' '--cpus 1 --cpu-quota 1000' '--memory 64m --memory-reservation 128m' \
  '--oom-kill-disable' '--kernel-memory 64m' '--blkio-weight-device /nowhere:100'; do
  # shellcheck disable=SC2086  # Words.
  exits 125 tare run --rm --network none $bad busybox true 2>err
  [ -s err ] || fail "no word about $bad"
done
assert_eq "$(tare run --rm --network none --oom-score-adj 321 busybox cat /proc/self/oom_score_adj)" 321
if ! has_controller memory; then
  for limit in '-m 64m' '--cpu-shares 512' '--cpuset-cpus 0' '--blkio-weight 100'; do
    # shellcheck disable=SC2086
    error=$(tare run --rm --network none $limit busybox true 2>&1) && fail "$limit was accepted"
    assert_contains "$error" 'cannot be enforced'
  done
  exit 0
fi

tare run -d --name all --network none -m 64m --memory-reservation 32m --cpu-shares 512 --cpu-period 50000 \
  --cpu-quota 25000 --cpuset-cpus 0 --cpuset-mems 0 --ulimit nofile=100:200 --cgroup-parent /tare-parent \
  busybox sleep 1000 >/dev/null
assert_eq "$(limit_of all memory memory.soft_limit_in_bytes memory.low)" $((32 << 20))
assert_matches "$(limit_of all cpu cpu.cfs_period_us cpu.max)" '50000$'
assert_matches "$(limit_of all cpu cpu.shares cpu.weight)" '^(512|20)$'
assert_eq "$(limit_of all cpuset cpuset.cpus cpuset.cpus)" 0
assert_contains "$(cat "/proc/$(tare inspect --format '{{.State.Pid}}' all)/cgroup")" /tare-parent/
assert_eq "$(tare inspect --format '{{with .HostConfig}}{{.MemoryReservation}} {{.CpuShares}} {{.CpuPeriod}} {{.CpuQuota}} {{.CpusetCpus}} {{.CpusetMems}} {{.CgroupParent}} {{(index .Ulimits 0).Hard}}{{end}}' all)" \
  "$((32 << 20)) 512 50000 25000 0 0 /tare-parent 200"
tare rm -f all >/dev/null
find /sys/fs/cgroup -maxdepth 3 -name tare-parent -type d -exec rmdir {} + 2>/dev/null || true # It is the user's own.

# Out of memory is told, on the spot and later.
error=$(tare run --name fat --network none -m 32m --memory-swap 32m busybox dd if=/dev/zero of=/dev/null bs=200M count=1 2>&1) &&
  fail 'more memory than the limit'
assert_contains "$error" 'ran out of memory'
assert_contains "$error" '--memory'
assert_eq "$(tare inspect --format '{{.State.OOMKilled}} {{.State.ExitCode}}' fat)" 'true 137'
assert_contains "$(tare ps -a)" 'out of memory'

# Only the devices that are named can be opened.
if has_controller devices; then
  assert_eq "$(tare run --rm --network none --device-cgroup-rule 'c 42:* rwm' busybox sh -c 'echo hi >/dev/null && cat /dev/zero | head -c 1 | wc -c')" 1
fi
