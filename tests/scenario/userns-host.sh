# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# --userns host: no user namespace of its own; a grant that says so, and everything else stays.
. "$TEST_LIB"
image_busybox
mkdir shared
echo mine >shared/private
chmod 600 shared/private

tare run -d --name c --network none --userns host -v "$PWD/shared:/shared" busybox \
  sh -c 'touch /shared/made; sleep 1000' >/dev/null
eventually 5 test -e shared/made
assert_eq "$(stat -c %u shared/made)" "$(id -u)"
assert_eq "$(tare exec c cat /shared/private)" mine
assert_eq "$(tare exec c stat -c %u /bin/busybox)" 0
pid=$(tare inspect --format '{{.State.Pid}}' c)
if [ "$TEST_AS" != user ]; then
  assert_eq "$(readlink "/proc/$pid/ns/user")" "$(readlink /proc/self/ns/user)"
else
  keeper=$(tare inspect --format '{{.Tare.KeeperPid}}' c)
  assert_eq "$(readlink "/proc/$pid/ns/user")" "$(readlink "/proc/$keeper/ns/user")"
fi
for kind in pid mnt ipc uts net; do
  [ "$(readlink "/proc/$pid/ns/$kind")" != "$(readlink "/proc/self/ns/$kind")" ] || fail "shares the $kind namespace"
done
assert_eq "$(tare exec c sh -c 'grep -E "CapBnd|NoNewPrivs|Seccomp:" /proc/self/status | cut -f 2')" \
  "$(busybox sh -c 'grep -E "CapBnd|NoNewPrivs|Seccomp:" /proc/self/status | cut -f 2')" 'what it may do'
assert_eq "$(tare inspect --format '{{.HostConfig.UsernsMode}}' c)" host
assert_contains "$(tare inspect --format '{{json .Tare.Grants}}' c)" host-users
assert_contains "$(tare ps --format '{{.Grants}}')" host-users
# It is started again as it was.
tare stop -t 0 c >/dev/null
tare start c >/dev/null
assert_eq "$(tare exec c id -u)" 0
