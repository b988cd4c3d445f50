# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# What save writes, load and other people's tools read, with the same digests.
# needs: skopeo jq
. "$TEST_LIB"
image_busybox

id=$(tare images -q --no-trunc busybox)
tare save -o docker.tar busybox
tar -tf docker.tar >names
grep -qx manifest.json names
export XDG_RUNTIME_DIR=$TMPDIR
skopeo inspect --config docker-archive:docker.tar | jq -e '.config.Cmd == ["sh"]' >/dev/null
tare rmi busybox >/dev/null
assert_eq "$(tare images -q)" ''
tare load -i docker.tar >/dev/null
assert_eq "$(tare images -q --no-trunc busybox)" "$id"
tare tag busybox other:v1
tare save other:v1 >again.tar
skopeo inspect --config docker-archive:again.tar >/dev/null
assert_eq "$(tare save busybox | sha256sum)" "$(tare save busybox | sha256sum)" 'archive of the same image'
assert_contains "$(tare history --no-trunc busybox)" tests/make-rootfs
exits 1 tare save -o /nowhere/x.tar busybox 2>said
assert_contains "$(cat said)" "'/nowhere/x.tar'"
mkdir plain
exits 1 tare load -i plain 2>said
assert_contains "$(cat said)" 'neither an OCI layout'
