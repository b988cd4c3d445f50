# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# Creates of one name at once agree; rm and run at once never give a container a volume that is gone.
. "$TEST_LIB"
image_busybox
for n in $(seq 20); do
  (tare volume create --label "n=$n" same >"out$n" 2>&1 || echo failed >>"out$n") &
done
wait
assert_eq "$(cat out* | sort -u)" same
assert_eq "$(tare volume ls -q)" same

# Removing as fast as it can be, while containers are made with it.
for _ in 1 2 3; do
  (while [ ! -e stop ] && kill -0 $$ 2>/dev/null; do tare volume rm -f same >/dev/null 2>&1 || true; done) &
done
for n in $(seq 30); do
  said=$(tare run --rm --network none -v same:/data busybox sh -c 'echo x >/data/x && cat /data/x' 2>&1) ||
    fail "run $n: $said"
  assert_eq "$said" x
done
tare create --name holder --network none -v same:/data busybox true >/dev/null
touch stop
wait
tare volume inspect same >/dev/null || fail 'a volume was removed that a container has'
tare start -a holder
tare rm holder >/dev/null
tare volume rm same >/dev/null
