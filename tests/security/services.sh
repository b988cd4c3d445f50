# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# A container that is told of its services cannot write where it is told, not even as privileged, and cannot
# lead what writes there to another file.
# needs: ip nft
. "$TEST_LIB"
image_busybox
echo precious >target
tare network create front >/dev/null
tare run -d --name db --network front --health-interval 1h --health-cmd true busybox sleep 1000 >/dev/null
tare healthcheck run -q db
tare run -d --name app --privileged --network front --with db busybox sleep 1000 >/dev/null
tare exec app sh -c '
  mount -o remount,rw /run/tare; mount -o remount,rw,bind /run/tare
  for name in services.json .services.json; do rm -f /run/tare/$name; ln -s '"$PWD"'/target /run/tare/$name; done
  echo attack >/run/tare/services.json' >/dev/null 2>&1 || true
tare rename db store
told() { tare exec app cat /run/tare/services.json 2>/dev/null | grep -q '"name":"store"'; }
eventually 10 told
assert_eq "$(cat target)" precious
not tare exec app sh -c 'echo x >/run/tare/new' 2>/dev/null
