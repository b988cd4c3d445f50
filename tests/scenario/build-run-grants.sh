# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# RUN --network and --security: what the program gets, that it has to be allowed, and that it is another step.
. "$TEST_LIB"
image_busybox
mkdir app
build() { tare build --progress plain --no-lock -t app "$@" app >log 2>&1; }
see() { tare run --rm --network none app cat /out; }
caps() { printf 'FROM busybox\nRUN --security=%s grep CapEff /proc/self/status >/out; mount -t tmpfs none /mnt && echo mounted >>/out || true\n' "$1" >app/Dockerfile; }

caps sandbox
build --network none || fail "$(cat log)"
assert_lacks "$(see)" mounted
before=$(see)
caps insecure
exits 1 tare build --network none --no-lock app 2>out
assert_contains "$(cat out)" '--allow security.insecure'
build --network none --allow security.insecure || fail "$(cat log)"
assert_contains "$(cat log)" '0 of 1 steps were there'
assert_contains "$(see)" mounted
[ "$(see | head -1)" != "$before" ] || fail 'no more capabilities than before'
# A container of the image has them no more.
assert_eq "$(tare run --rm --network none app grep CapEff /proc/self/status)" "$before"
# A step of before is used only by who may do it.
exits 1 tare build --network none --no-lock app 2>out
assert_contains "$(cat out)" '--allow security.insecure'

net() { printf 'FROM busybox\nRUN --network=%s readlink /proc/self/ns/net >/out; ls /sys/class/net >>/out\n' "$1" >app/Dockerfile; }
here=$(readlink /proc/self/ns/net)
net none
build || fail "$(cat log)"
assert_eq "$(see | tail -n +2)" lo
assert_lacks "$(see)" "$here"
net host
exits 1 tare build --no-lock app 2>out
assert_contains "$(cat out)" '--allow network.host'
build --allow network.host || fail "$(cat log)"
assert_contains "$(see)" "$here"
# For all that say nothing, and not for those that say none.
printf 'FROM busybox\nRUN readlink /proc/self/ns/net >/out\nRUN --network=none readlink /proc/self/ns/net >>/out\n' >app/Dockerfile
build --network host || fail "$(cat log)"
assert_eq "$(see | head -1)" "$here"
assert_lacks "$(see | tail -1)" "$here"
# An unknown one is refused where it is written.
net other
exits 1 tare build --no-lock app 2>out
assert_contains "$(cat out)" 'Dockerfile:2'
