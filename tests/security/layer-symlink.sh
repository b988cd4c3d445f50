# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# A symbolic link in a layer leads out of the root, and a later entry writes through it.
. "$TEST_LIB"

mkdir victim
echo untouched >victim/file
chmod -R a+w victim
hostile evil:1 "sym:out=$PWD/victim" "file:out/file=overwritten" "file:out/new=planted" || true
hostile evil:2 "sym:up=../../../../../../../..$PWD/victim" "file:up/new=planted" || true
hostile evil:3 "sym:a=b" "sym:b=$PWD/victim" "file:a/new=planted" || true
hostile evil:4 "sym:etc2=/etc" "dir:etc2" "file:etc2/new=x" "hard:leak=etc2/shadow" || true
assert_eq "$(cat victim/file)" untouched
assert_eq "$(ls victim)" file
[ ! -e /etc/new ] || fail '/etc/new was made on the host'
for image in $(tare images --format '{{.Repository}}:{{.Tag}}'); do
  assert_lacks "$(tare run --rm --network none "$image" cat /leak 2>&1 || true)" "$(head -n 1 /etc/shadow 2>/dev/null || echo root:)"
done
