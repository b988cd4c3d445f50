# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# Bind mounts: both ways, read-only, made when missing with -v and refused with --mount.
. "$TEST_LIB"
image_busybox

mkdir data
echo from-host >data/file
chmod 777 data
assert_eq "$(tare run --rm --network none -v "$PWD/data:/data" busybox cat /data/file)" from-host
tare run --rm --network none -v "$PWD/data:/data" busybox sh -c 'echo inside >/data/new'
assert_eq "$(cat data/new)" inside
# Files made by root of the container belong to the caller, not to a number from nowhere.
assert_eq "$(stat -c %u data/new)" "$(id -u)"
not tare run --rm --network none -v "$PWD/data:/data:ro" busybox touch /data/x
not tare run --rm --network none --mount "type=bind,src=$PWD/data,dst=/data,readonly" busybox touch /data/x
tare run --rm --network none -v "$PWD/missing:/data" busybox test -d /data
[ -d missing ] || fail '-v does not make its source'
error=$(not tare run --rm --network none --mount "type=bind,src=$PWD/gone,dst=/data" busybox true 2>&1)
assert_contains "$error" gone
# One file; and a target that the image does not have.
assert_eq "$(tare run --rm --network none -v "$PWD/data/file:/etc/motd:ro" busybox cat /etc/motd)" from-host
assert_eq "$(tare run --rm --network none -v "$PWD/data:/a/b/c" busybox ls /a/b/c)" $'file\nnew'
