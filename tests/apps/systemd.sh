# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# run --systemd: systemd is process 1, without --privileged: it reaches multi-user.target, all its units
# are well, and stop shuts it down in order.
# as: root user
# cgroup: delegated
. "$TEST_LIB"
[ -s "$TEST_CACHE/systemd.tar" ] || skip 'no Debian with systemd was made'
tare import "$TEST_CACHE/systemd.tar" systemd >/dev/null

if ! tare run -d --name s --systemd systemd /sbin/init >/dev/null 2>message; then
  # An ordinary user without a delegated control group is told so.
  [ "$TEST_AS" = user ] || fail "$(cat message)"
  ! grep -q '^0::/tare-test-' /proc/self/cgroup || fail "$(cat message)"
  assert_contains "$(cat message)" 'needs a control group of its own'
  exit 0
fi
eventually 30 tare exec s test -S /run/dbus/system_bus_socket
state=$(tare exec s systemctl is-system-running --wait || true)
failed=$(tare exec s systemctl list-units --failed --plain --no-legend)
assert_eq "$failed" '' 'failed units'
assert_eq "$state" running
assert_eq "$(tare exec s systemctl is-active multi-user.target)" active

# What the container interface promises.
assert_eq "$(tare exec s cat /etc/machine-id)" "$(tare inspect --format '{{.Id}}' s | cut -c 1-32)"
assert_eq "$(tare exec s sh -c 'tr "\0" "\n" </proc/1/environ | grep -c "^container=tare$"')" 1
for mount in '/run tmpfs rw' '/tmp tmpfs rw' '/sys/fs/cgroup cgroup2 rw' '/sys sysfs ro' '/proc/sys proc ro'; do
  tare exec s grep -q " $mount" /proc/mounts || fail "$mount is not mounted"
done
assert_contains "$(tare logs s)" 'Reached target'
# Services have groups of their own, and nobody else's are in sight.
assert_contains "$(tare exec s cat /proc/1/cgroup)" '0::/init.scope'
[ "$(tare exec s sh -c 'ls -d /sys/fs/cgroup/system.slice/*.service | wc -l')" -gt 1 ] || fail 'no groups of services'
assert_eq "$(tare ps --format '{{.Grants}}')" extra-capabilities,writable-cgroups
assert_eq "$(tare exec s awk '$1 == "NoNewPrivs:" {print $2}' /proc/1/status)" 1

tare stop -t 20 s >/dev/null
assert_eq "$(tare inspect --format '{{.State.ExitCode}}' s)" 0
assert_contains "$(tare logs s)" 'Exiting container'
assert_eq "$(tare inspect --format '{{.Config.StopSignal}}' s)" SIGRTMIN+3
# And once more; for another program --systemd alone changes nothing.
tare start s >/dev/null
eventually 30 tare exec s test -S /run/dbus/system_bus_socket
tare stop -t 20 s >/dev/null
assert_eq "$(tare run --rm --network none --systemd systemd sh -c 'echo "x$container"')" x
