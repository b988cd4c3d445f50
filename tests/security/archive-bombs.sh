# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# Archives that are truncated, endless or absurd end in a sentence, quickly and with bounded memory.
. "$TEST_LIB"

archive=$TEST_CACHE/busybox-docker.tar
head -c 1000000 "$archive" >cut.tar
not tare load -i cut.tar
gzip -c "$archive" >whole.tar.gz
head -c 500000 whole.tar.gz >cut.tar.gz
not tare load -i cut.tar.gz
: >empty
not tare load -i empty
head -c 100000 /dev/urandom >noise
error=$(not tare load -i noise 2>&1)
assert_contains "$error" noise
printf '[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[' >manifest.json
tar -cf deep.tar manifest.json
not tare load -i deep.tar
printf '[{"Config":"../../../etc/passwd","RepoTags":["x:y"],"Layers":["/etc/passwd"]}]' >manifest.json
tar -cf paths.tar manifest.json
not tare load -i paths.tar
assert_eq "$(tare images -q)" ''
# Escape sequences of an image do not reach the terminal.
printf '[{"Config":"\\u001b[31mred","RepoTags":["x:y"],"Layers":[]}]' >manifest.json
tar -cf escape.tar manifest.json
error=$(not tare load -i escape.tar 2>&1)
assert_lacks "$error" $'\x1b[31m'
