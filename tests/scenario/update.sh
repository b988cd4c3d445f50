# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# update changes the limits of a running container, keeps them for the next start, and takes nothing
# half.
. "$TEST_LIB"
image_busybox

tare run -d --name web --network none busybox sleep 1000 >/dev/null
if ! has_controller memory; then
  # Nothing is accepted that is not enforced.
  error=$(tare update -m 64m web 2>&1) && fail 'a limit that cannot hold was accepted'
  assert_contains "$error" 'memory limit cannot be enforced'
  assert_eq "$(tare inspect --format '{{.HostConfig.Memory}}' web)" 0
  exit 0
fi
assert_eq "$(tare update -m 64m --cpus 0.5 --pids-limit 77 web)" web
assert_eq "$(limit_of web memory memory.limit_in_bytes memory.max)" $((64 << 20))
assert_eq "$(limit_of web pids pids.max pids.max)" 77
assert_matches "$(limit_of web cpu cpu.cfs_quota_us cpu.max)" '^50000'
assert_eq "$(tare inspect --format '{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.NanoCpus}}' web)" \
  "$((64 << 20)) $((128 << 20)) 500000000"
# Other ways to say the same take its place.
tare update --cpu-quota 20000 --cpu-shares 512 web >/dev/null
assert_matches "$(limit_of web cpu cpu.cfs_quota_us cpu.max)" '^20000'
assert_eq "$(tare inspect --format '{{.HostConfig.NanoCpus}} {{.HostConfig.CpuQuota}} {{.HostConfig.CpuShares}}' web)" \
  '0 20000 512'
tare update --pids-limit -1 web >/dev/null
assert_eq "$(limit_of web pids pids.max pids.max)" max
# exec lands under the new limits, and sees the processors that are left.
tare update --cpuset-cpus 0 web >/dev/null
assert_eq "$(tare exec web sh -c 'grep Cpus_allowed_list /proc/self/status' | tr -d '\t ')" Cpus_allowed_list:0

# What is wrong changes nothing.
error=$(tare update -m 256m --memory-swap 128m web 2>&1) && fail 'memory above memory and swap'
assert_contains "$error" 'cannot be less than --memory'
error=$(tare update --cpuset-cpus 4000 web 2>&1) && fail 'a processor that is not there'
assert_contains "$error" processor
assert_eq "$(tare inspect --format '{{.HostConfig.Memory}} {{.HostConfig.CpusetCpus}}' web)" "$((64 << 20)) 0"
not tare update web 2>/dev/null
not tare update -m 64m nobody 2>/dev/null
error=$(tare update --restart always web 2>&1) && fail 'restart policies are not there'
assert_contains "$error" 'not there yet'

# A stopped container gets them when it starts.
tare stop -t 0 web >/dev/null
tare update -m 96m web >/dev/null
tare start web >/dev/null
assert_eq "$(limit_of web memory memory.limit_in_bytes memory.max)" $((96 << 20))
assert_matches "$(limit_of web cpu cpu.cfs_quota_us cpu.max)" '^20000'
