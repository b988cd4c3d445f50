# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# --privileged turns off what its grants name, one by one, and not the user namespace.
. "$TEST_LIB"
image_busybox

tare run -d --name c --network none --privileged busybox sleep 1000 >/dev/null
assert_eq "$(tare inspect --format '{{.HostConfig.Privileged}}' c)" true
grants=$(tare ps --format '{{.Grants}}')
for grant in privileged seccomp-off new-privileges unmasked-paths extra-capabilities host-device writable-sys \
  writable-cgroups; do
  assert_contains ",$grants," ",$grant,"
done
assert_lacks "$grants" host-users
assert_contains "$(tare ps --grants)" GRANTS

pid=$(tare inspect --format '{{.State.Pid}}' c)
[ "$(readlink "/proc/$pid/ns/user")" != "$(readlink /proc/self/ns/user)" ] || fail 'no user namespace of its own'
status() { tare exec c awk -v key="$1:" '$1 == key {print $2}' /proc/self/status; }
assert_eq "$(status Seccomp)" 0
assert_eq "$(status NoNewPrivs)" 0
assert_eq "$(status CapEff)" "$(printf '%016x' $(((1 << ($(cat /proc/sys/kernel/cap_last_cap) + 1)) - 1)))"
# Mounting, and what was masked.
tare exec c sh -c 'mkdir -p /mnt && mount -t tmpfs none /mnt && umount /mnt'
tare exec c sh -c 'grep -q " /sys sysfs rw" /proc/mounts' || [ "$TEST_AS" != root ] || fail '/sys is not writable'
not tare exec c sh -c 'grep -q " /proc/kcore " /proc/mounts'
# Still no root outside: settings of the machine are not its own.
not tare exec c sh -c 'echo x >/proc/sys/kernel/core_pattern' 2>/dev/null
# A part that is said otherwise stays as it was said.
assert_eq "$(tare run --rm --network none --privileged --cap-drop ALL --cap-drop SYS_ADMIN busybox \
  awk '$1 == "CapEff:" {print $2}' /proc/self/status)" 0000000000000000
assert_eq "$(tare run --rm --network none --privileged --security-opt no-new-privileges busybox \
  awk '$1 == "NoNewPrivs:" {print $2}' /proc/self/status)" 1
if [ "$TEST_AS" = root ] && grep -q ' cgroup2 ' /proc/mounts; then
  tare exec c sh -c 'mkdir /sys/fs/cgroup/below && rmdir /sys/fs/cgroup/below'
fi
