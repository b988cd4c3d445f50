# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# More volumes than one message can carry descriptors: all of them are there.
. "$TEST_LIB"
image_busybox

volumes=()
for n in $(seq 1 300); do
  mkdir "dir$n"
  echo "$n" >"dir$n/number"
  volumes+=(-v "$PWD/dir$n:/volumes/$n:ro")
done
seen=$(tare run --rm --network none "${volumes[@]}" busybox sh -c 'cat /volumes/*/number')
assert_eq "$(sort -n <<<"$seen")" "$(seq 1 300)"
