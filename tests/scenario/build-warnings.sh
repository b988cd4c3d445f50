# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# What the checks find is told at the end of a build, and with check=error=true there is no build; variables of bases
# that are here are known; wildcards may match nothing, which is told.
. "$TEST_LIB"
image_busybox
mkdir -p app/a/b app/c
echo x >app/a/b/go.mod
echo y >app/c/go.mod
echo z >app/go.mod
build() { tare build --progress plain --network none -t app "$@" app 2>log; }
printf 'FROM busybox\nMAINTAINER me\nENV x=$nowhere\nENV y=$PATH\n' >app/Dockerfile
build || fail "$(cat log)"
assert_contains "$(cat log)" '2 warnings found'
assert_contains "$(cat log)" 'MaintainerDeprecated'
assert_matches "$(cat log)" 'UndefinedVar.*nowhere.*\(line 3\)'
build -q >/dev/null || fail "$(cat log)"
assert_eq "$(cat log)" ''
not tare build --check app >found 2>&1
assert_contains "$(cat found)" UndefinedVar
assert_lacks "$(cat found)" "'\$PATH'"
printf '# check=error=true\nFROM busybox\nENV x=$nowhere\n' >app/Dockerfile
not build --no-cache
assert_contains "$(cat log)" 'check=error=true'
assert_lacks "$(cat log)" 'writing image'
printf 'FROM busybox\nCOPY nothing* a/b/go.mo? /x/\nCOPY none* /y/\nCOPY --parents **/go.mod /z/\nRUN find /x /z -type f | sort >/found\n' >app/Dockerfile
build || fail "$(cat log)"
assert_contains "$(cat log)" "Dockerfile:2: no file matches 'nothing*'"
assert_contains "$(cat log)" "Dockerfile:3: no file matches 'none*'"
assert_eq "$(tare run --rm --network none app cat /found)" $'/x/go.mod\n/z/a/b/go.mod\n/z/c/go.mod\n/z/go.mod'
not tare build -q --network none -f - app 2>log <<<$'FROM busybox\nCOPY nothing /x/'
assert_contains "$(cat log)" "'nothing' is not there"
# The shell's status is that of the command.
exits 3 tare build --network none --at 2 app <<<'exit 3' >/dev/null 2>&1
