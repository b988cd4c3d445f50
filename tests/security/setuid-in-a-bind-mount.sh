# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# A setuid program in a bind mount gives nobody in the container anything, whatever owner it has on the host.
. "$TEST_LIB"
image_busybox

mkdir shared
cp "$TEST_PROBES/probe-attack" shared/attack
chmod 4755 shared/attack
# The control: without nosuid it works, from the container's own root (setuid.sh). Here not even with
# the grant for new privileges.
for options in '' '--security-opt no-new-privileges=false' '--security-opt no-new-privileges=false --cap-add ALL'; do
  # shellcheck disable=SC2086
  exits 1 tare run --rm --network none -u 1000 -v "$PWD/shared:/shared" $options busybox /shared/attack setuid
done
tare run -d --name web --network none -u 1000 -v "$PWD/shared:/shared" --security-opt no-new-privileges=false busybox sleep 1000 >/dev/null
exits 1 tare exec web /shared/attack setuid
# What root of the container leaves there belongs to the caller and to nobody else.
busybox_root() { tare run --rm --network none -v "$PWD/shared:/shared" busybox "$@"; }
busybox_root sh -c 'cp /bin/busybox /shared/left; chmod 4755 /shared/left'
assert_eq "$(stat -c %u shared/left)" "$(id -u)"
