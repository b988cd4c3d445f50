# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# Names with .. or a leading slash, in entries and in whiteouts.
. "$TEST_LIB"

echo untouched >file
not hostile evil:1 "file:../../../../../../../../../..$PWD/file=overwritten"
not hostile evil:2 "file:a/../../../../../../../../../..$PWD/file=overwritten"
not hostile evil:3 "dir:a" "file:a/.wh...=x"
not hostile evil:4 "file:.wh..="
not hostile evil:5 "file:.wh.="
hostile evil:6 "file:$PWD/file=overwritten" || true
assert_eq "$(cat file)" untouched
assert_eq "$(ls)" file
