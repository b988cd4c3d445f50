# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# A hard link in a layer to a file of the host.
. "$TEST_LIB"

echo host-secret >secret
chmod 600 secret
hostile evil:1 "hard:leak=$PWD/secret" || true
hostile evil:2 "hard:leak=../../../../../../../../../..$PWD/secret" || true
hostile evil:3 "sym:d=$PWD" "hard:leak=d/secret" || true
hostile evil:4 "hard:leak=/etc/passwd" || true
for tag in 1 2 3 4; do
  out=$(tare run --rm --network none evil:$tag cat /leak 2>&1 || true)
  assert_lacks "$out" host-secret
  # The image's own file may be linked, the host's may not.
  [ -z "$out" ] || assert_lacks "$out" "$(tail -n 1 /etc/passwd)"
done
assert_eq "$(stat -c %h secret)" 1
