# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# Six containers at once, each with its own ids, name and exit code.
. "$TEST_LIB"
image_busybox

for i in 1 2 3 4 5 6; do
  (
    status=0
    busybox sh -c "echo out-$i; exit $i" >"out.$i" 2>&1 || status=$?
    echo $status >"status.$i"
  ) &
done
wait
for i in 1 2 3 4 5 6; do
  assert_eq "$(cat "status.$i")" "$i" "exit status of number $i"
  assert_eq "$(cat "out.$i")" "out-$i"
done
assert_eq "$(tare ps -aq)" ''
