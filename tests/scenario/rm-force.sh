# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# rm refuses a running container and says what to do; rm -f ends it; --rm leaves nothing.
. "$TEST_LIB"
image_busybox

tare run -d --name web --network none busybox sleep 1000 >/dev/null
error=$(not tare rm web 2>&1)
assert_contains "$error" web
assert_contains "$error" -f
assert_eq "$(tare rm -f web)" web
assert_eq "$(tare ps -aq)" ''
not tare rm web
not tare inspect web
# What is removed gives back its name, and with it everything else.
tare run --name web --network none busybox true
tare rm web >/dev/null
tare run --rm --name web --network none busybox true
assert_eq "$(tare ps -aq)" ''
