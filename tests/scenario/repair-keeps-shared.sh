# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2119
# as: root user
# needs: skopeo
# A layer that is taken apart again has its contents in other places; another one, whose bytes came
# uncompressed and exist nowhere else, still finds those that it uses of it.
. "$TEST_LIB"
# shellcheck source=tests/store.sh
. "$(dirname "$TEST_LIB")/store.sh"
mkdir -p etc && seq 20000 >etc/aaa
small_image before etc
seq 30000 60000 >etc/numbers
small_image middle etc
rm etc/aaa && echo mine >etc/mine
small_image after etc
skopeo copy -q docker-archive:middle.tar oci:middle:1
tare load -q -i before.tar >/dev/null
tare load -q middle >/dev/null
tare load -q -i after.tar >/dev/null
want=$(sha256sum <etc/numbers)
look() { tare run --rm --network none after sha256sum /etc/numbers | sed 's|/etc/numbers|-|'; }
assert_eq "$(look)" "$want"
# Both see the same damage.
file=$(grep -rlF "$(printf '30500\n30501\n30502')" "$TARE_ROOT/layers" "$TARE_ROOT/objects" | head -1)
chmod u+w "$file"
printf XX | dd of="$file" bs=1 seek=9000 conv=notrunc status=none
exits 1 tare fsck >out
assert_contains "$(cat out)" 'layer sha256'
tare fsck --repair >out 2>&1 || fail "not repaired: $(cat out)"
assert_eq "$(look)" "$want"
is_clean repair
tidy repair
