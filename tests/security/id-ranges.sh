# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# Every container has a user namespace and ids that no other container has, even under one caller.
# needs: jq
. "$TEST_LIB"
image_busybox

for i in 1 2 3; do tare run -d --name "c$i" --network none busybox sleep 1000 >/dev/null; done
own=$(readlink /proc/self/ns/user)
for i in 1 2 3; do
  pid=$(tare inspect --format '{{.State.Pid}}' "c$i")
  [ "$(readlink "/proc/$pid/ns/user")" != "$own" ] || fail "c$i has no user namespace of its own"
  # Seen from outside, root of the container is not root, nor us.
  uid=$(awk '/^Uid/{print $2}' "/proc/$pid/status")
  [[ $uid != 0 && $uid != "$(id -u)" ]] || fail "root of c$i is uid $uid of its caller"
  tare exec "c$i" cat /proc/self/uid_map | awk 'NR == 1 {print $2}' >>starts
done
assert_eq "$(sort -u starts | wc -l)" 3 'number of different ranges'
tare rm -f c1 c2 c3 >/dev/null
