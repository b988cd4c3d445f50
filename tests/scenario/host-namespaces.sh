# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# --pid, --ipc, --uts and --cgroupns share one namespace with the host each, and say so by a grant.
. "$TEST_LIB"
image_busybox

options='ipc uts cgroupns pid'
# Without a control group nobody could find what such a container leaves behind.
groups=yes
if ! tare create --name probe --network none --pid host busybox true >/dev/null 2>message; then
  assert_contains "$(cat message)" 'needs a control group'
  [ "$TEST_AS" != root ] || fail 'root has control groups'
  options='ipc uts cgroupns' groups=no
fi
declare -A name=([pid]=pid [ipc]=ipc [uts]=uts [cgroupns]=cgroup)
for option in $options; do
  tare run -d --name "c$option" --network none "--$option" host busybox sleep 1000 >/dev/null
  pid=$(tare inspect --format '{{.State.Pid}}' "c$option")
  for kind in pid ipc uts cgroup; do
    here=$(readlink "/proc/self/ns/$kind") there=$(readlink "/proc/$pid/ns/$kind")
    if [ "$kind" = "${name[$option]}" ]; then
      assert_eq "$there" "$here" "$kind namespace with --$option host"
    else
      [ "$there" != "$here" ] || fail "--$option host shares the $kind namespace, too"
    fi
  done
  assert_eq "$(tare ps --filter "name=c$option" --format '{{.Grants}}')" "host-${name[$option]}"
  tare exec "c$option" true
  tare stop -t 0 "c$option" >/dev/null
  eventually 5 status_is "c$option" exited
done
assert_eq "$(tare run --rm --network none --uts host busybox hostname)" "$(hostname)"
assert_eq "$(tare inspect --format '{{.HostConfig.UTSMode}}' cuts)" host

# The usual is no weakening.
tare create --name usual --network none --pid private --ipc shareable --uts private --cgroupns private busybox true >/dev/null
assert_eq "$(tare ps -a --filter name=usual --format '{{.Grants}}')" ''
for wrong in '--pid container:usual' '--ipc none' '--uts x'; do
  # shellcheck disable=SC2086  # An option and its value.
  exits 125 tare create --network none $wrong busybox true 2>message
  assert_contains "$(cat message)" "${wrong% *}"
done

# A program that leaves children behind takes them with it, also without a pid namespace.
[ $groups = yes ] || exit 0
tare run -d --name family --network none --pid host busybox sh -c 'sleep 987 & sleep 987' >/dev/null
tare stop -t 0 family >/dev/null
gone() { ! grep -qzx 987 /proc/[0-9]*/cmdline 2>/dev/null; }
eventually 5 gone
