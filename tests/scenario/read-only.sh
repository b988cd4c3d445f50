# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# --read-only: the root cannot be written, tmpfs and volumes can.
. "$TEST_LIB"
image_busybox

error=$(not tare run --rm --network none --read-only busybox touch /x 2>&1)
assert_contains "$error" 'Read-only file system'
tare run --rm --network none --read-only --tmpfs /tmp busybox touch /tmp/x
tare run --rm --network none --read-only busybox sh -c 'echo x >/dev/shm/x && echo y >/dev/null'
mkdir data
chmod 777 data
tare run --rm --network none --read-only -v "$PWD/data:/data" busybox touch /data/x
# Without it the container writes to a layer of its own, and the next one starts clean.
assert_eq "$(busybox sh -c 'echo mine >/etc/motd; cat /etc/motd')" mine
not busybox test -e /etc/motd
