# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# Exit codes are Docker's: the program's own, 128+n for a signal, 127, 126 and 125.
. "$TEST_LIB"
image_busybox

exits 0 busybox true
exits 1 busybox false
exits 42 busybox sh -c 'exit 42'
exits 255 busybox sh -c 'exit 255'
# Process 1 of a namespace does not die by its own signals, so the program runs below an init.
exits 137 tare run --rm --network none --init busybox sh -c 'kill -KILL $$'
exits 143 tare run --rm --network none --init busybox sh -c 'kill -TERM $$'
exits 127 busybox no-such-program
exits 127 busybox /no/such/program
exits 126 busybox /etc/passwd
exits 126 busybox /etc
exits 125 tare run --rm --no-such-flag busybox true
exits 125 tare run --rm -m nonsense busybox true
exits 125 tare run --rm no-such-image:at-all true
# Whoever calls us may ignore the ends of its children.
exits 42 bash -c "trap '' CHLD; exec tare run --rm --network none busybox sh -c 'exit 42'"
assert_eq "$(tare ps -aq)" ''
