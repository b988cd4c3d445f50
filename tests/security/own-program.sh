# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# A container that makes exec run /proc/self/exe gets a program that cannot be written, also where its root is the calling user who owns ours.
. "$TEST_LIB"

mkdir own shared
cp "$(dirname "$(command -v tare)")"/tare* own/
before=$(sha256sum <own/tare)
printf '#!/proc/self/exe version\n' >shared/evil
cp "$TEST_PROBES/probe-attack" shared/attack
chmod 755 shared shared/*
image_busybox
own/tare run -d --name web --network none -v "$PWD/shared:/shared" busybox /shared/attack exe >/dev/null
for _ in 1 2 3 4 5 6 7 8 9 10; do
  own/tare exec web /shared/evil >/dev/null 2>&1 || true
  [ "$(sha256sum <own/tare)" = "$before" ] || fail "the program was overwritten"
done
status_is web running || fail "the attack worked: $(tare logs web)"
# The same at the start.
exits 1 own/tare run --rm --network none -v "$PWD/shared:/shared" busybox /shared/evil 2>/dev/null
assert_eq "$(sha256sum <own/tare)" "$before" program
