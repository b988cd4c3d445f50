# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# tag, rmi and images: names come and go, the image stays until its last name.
. "$TEST_LIB"
image_busybox

assert_matches "$(tare images)" '^REPOSITORY +TAG +IMAGE ID +CREATED +SIZE'
tare tag busybox mine:v1
tare tag busybox localhost:5000/team/mine:v2
assert_eq "$(tare images --format '{{.ID}}' | sort -u | wc -l)" 1
assert_contains "$(tare images)" localhost:5000/team/mine
assert_contains "$(tare rmi mine:v1)" 'Untagged: mine:v1'
tare run --rm --network none busybox true
tare create --name user busybox true >/dev/null
error=$(not tare rmi no-such-image 2>&1)
assert_contains "$error" no-such-image
error=$(not tare run --rm busybex true 2>&1)
assert_contains "$error" busybox
# In use: refused, with the container named.
tare rmi localhost:5000/team/mine:v2 >/dev/null
error=$(not tare rmi busybox 2>&1)
assert_contains "$error" user
tare rm user >/dev/null
tare rmi busybox >/dev/null
assert_eq "$(tare images -q)" ''
not tare tag busybox x
not tare tag mine:v1 'Bad Name'
