# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# --device shows one device of the host, and no other.
. "$TEST_LIB"
image_busybox
[ -c /dev/fuse ] || skip 'no /dev/fuse'

tare run -d --name c --network none --device /dev/fuse --device /dev/zero:/dev/nothing busybox sleep 1000 >/dev/null
assert_eq "$(tare exec c stat -c %t:%T /dev/fuse)" "$(stat -c %t:%T /dev/fuse)"
assert_eq "$(tare exec c sh -c 'head -c 3 /dev/nothing | wc -c')" 3
assert_contains "$(tare inspect --format '{{json .Tare.Grants}}' c)" '"Because":"--device /dev/fuse"'
assert_contains "$(tare ps --format '{{.Grants}}')" host-device
assert_eq "$(tare inspect --format '{{range .HostConfig.Devices}}{{.PathInContainer}} {{end}}' c)" '/dev/fuse /dev/nothing '
not tare run --rm --network none busybox test -e /dev/fuse

for wrong in /dev/null/x /etc/passwd relative /dev/fuse:relative /dev/does-not-exist; do
  not tare run --rm --network none --device "$wrong" busybox true 2>message
  [ -s message ]
done
# What it may do with it, where control groups can hold it to that.
if [ "$TEST_AS" = root ] && has_controller devices; then
  tare run --rm --network none --device /dev/fuse:/dev/z:r busybox sh -c ": </dev/z"
  not tare run --rm --network none --device /dev/fuse:/dev/z:m busybox sh -c ": </dev/z" 2>/dev/null
fi
