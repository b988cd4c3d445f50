# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# --tmpfs and --mount type=tmpfs: options, size, and gone with the container.
. "$TEST_LIB"
image_busybox

line=$(tare run --rm --network none --tmpfs /t busybox grep ' /t ' /proc/mounts)
for option in tmpfs rw noexec nosuid nodev; do assert_contains "$line" "$option"; done
line=$(tare run --rm --network none --tmpfs /t:exec,size=1m busybox grep ' /t ' /proc/mounts)
assert_lacks "$line" noexec
assert_contains "$line" size=1024k
not tare run --rm --network none --tmpfs /t:size=1m busybox dd if=/dev/zero of=/t/x bs=1k count=1100
tare run --rm --network none --mount type=tmpfs,dst=/t,tmpfs-size=2m,tmpfs-mode=700 busybox \
  sh -c '[ $(stat -c %a /t) = 700 ]'
tare run --name twice --network none --tmpfs /t busybox sh -c '[ ! -e /t/x ] && touch /t/x'
tare start -a twice
exits 125 tare run --rm --tmpfs relative busybox true
