# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# A name belongs to one container; clashes, renames and prefixes of ids.
. "$TEST_LIB"
image_busybox

first=$(tare create --name one busybox true)
error=$(not tare create --name one busybox true 2>&1)
assert_contains "$error" one
assert_contains "$error" "${first:0:12}"
exits 125 tare run --name one --network none busybox true
tare rename one two
tare create --name one busybox true >/dev/null
not tare rename one two
not tare create --name 'bad name' busybox true
not tare create --name '../x' busybox true
assert_eq "$(tare inspect --format '{{.Name}}' "${first:0:8}")" /two
# Many at once: every one gets an id and a name of its own.
for _ in 1 2 3 4 5 6; do tare create busybox true >>ids & done
wait
assert_eq "$(sort -u ids | wc -l)" 6
assert_eq "$(tare ps -a --format '{{.Names}}' | sort | uniq -d)" ''
