# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# -u, -w and -h: resolved inside the image, made when missing, checked.
. "$TEST_LIB"
image_busybox

assert_contains "$(tare run --rm --network none -u www-data busybox id)" '4(adm)'
assert_eq "$(tare run --rm --network none -u 1000 busybox sh -c 'id -u; id -g' | tr '\n' ' ')" '1000 0 '
assert_eq "$(tare run --rm --network none -u 1000:33 busybox id -g)" 33
assert_eq "$(tare run --rm --network none -u www-data:daemon busybox id -gn)" daemon
error=$(not tare run --rm --network none -u nosuchuser busybox true 2>&1)
assert_contains "$error" nosuchuser
exits 125 tare run --rm --network none -u 4294967295 busybox true
exits 125 tare run --rm --network none --user=-1 busybox true
assert_eq "$(tare run --rm --network none -w /srv/new/dir busybox pwd)" /srv/new/dir
exits 125 tare run --rm --network none -w relative busybox true
assert_eq "$(tare run --rm --network none -h box busybox hostname)" box
assert_contains "$(tare run --rm --network none -h box busybox cat /etc/hosts)" box
# The default is the short id.
id=$(tare create --network none busybox hostname)
assert_eq "$(tare start -a "$id")" "${id:0:12}"
exits 125 tare run --rm --network none -h 'bad_host/name' busybox true
