# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# A descriptor that the caller left open does not get into the container, nor a way through it.
# needs: jq
. "$TEST_LIB"
image_busybox

echo secret >hidden
exec 7<hidden 8</ 9<"$PWD"
fds=$(probe report '' | jq -c '.fds | keys')
assert_eq "$fds" '["0","1","2"]'
not busybox sh -c 'cat <&7'
not busybox ls /proc/self/fd/8/etc
# As working directory, the trick of 2024.
for n in 7 8 9 10; do
  not tare run --rm --network none -w /proc/self/fd/$n busybox ls
  not tare run --rm --network none -w /proc/self/fd/$n/../../.. busybox sh -c '[ -e var/tmp/tare-test* ]'
done
tare run -d --name web -v "$TEST_PROBES/probe-report:/probe:ro" --network none busybox sleep 1000 >/dev/null
assert_eq "$(tare exec web /probe | jq -c '.fds | keys')" '["0","1","2"]'
not tare exec -w /proc/self/fd/8 web ls
# Process 1 itself has nothing of ours open either.
assert_eq "$(tare exec web ls /proc/1/fd | wc -l)" 3
