# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# run shows what the program writes, keeps the two outputs apart and passes standard input on.
. "$TEST_LIB"
image_busybox

assert_eq "$(busybox echo hello)" hello
assert_eq "$(busybox sh -c 'echo out; echo err >&2' 2>/dev/null)" out
assert_eq "$(busybox sh -c 'echo out; echo err >&2' 2>&1 >/dev/null)" err
# Without -i standard input is empty, with it every byte arrives.
assert_eq "$(echo ignored | busybox cat)" ''
assert_eq "$(head -c 3000000 /dev/zero | tare run -i --rm --network none busybox wc -c)" 3000000
# The program is process 1 of its own process namespace.
assert_eq "$(busybox sh -c 'echo $$')" 1
assert_eq "$(tare ps -aq)" ''
