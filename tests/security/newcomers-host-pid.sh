# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# A container with the host's users and the host's processes, without a capability: its root has all capabilities over the user namespaces that the engine makes, and still reaches neither the process that one is made with, nor an image that is unpacked, nor a new container.
# Not as root: whoever has root's id has all capabilities over every user namespace that root has made,
# and another test may run in one.
# as: user
# cgroup: delegated
. "$TEST_LIB"
image_busybox

docker_archive other.tar other "$TEST_CACHE/busybox.tar"
attack() { tare run -d --name "$1" --network none --pid host --userns host --cap-drop ALL \
  -v "$TEST_PROBES/probe-escape:/escape:ro" busybox /escape newcomers "control-$$" >/dev/null; }
attack attacker
for _ in $(seq 1 25); do
  tare run --rm --network none busybox true
  tare load -q -i other.tar >/dev/null
  tare rmi other >/dev/null
done
status_is attacker running || fail "the attack worked: $(tare logs attacker)"
# What a success looks like: a process with such a name that may be looked into.
tare exec -d attacker sh -c 'mkdir /tmp/$1 && cp /bin/busybox /tmp/$1/sleep && exec /tmp/$1/sleep 100' - "control-$$"
eventually 10 status_is attacker exited
assert_contains "$(tare logs attacker)" worked
