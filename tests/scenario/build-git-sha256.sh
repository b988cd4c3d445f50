# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# as: root user
# needs: python3 git
# ADD of git repositories whose objects have names by SHA-256, and contexts out of them.
. "$TEST_LIB"
# shellcheck source=tests/registry.sh
. "$(dirname "$TEST_LIB")/registry.sh"
# shellcheck source=tests/git.sh
. "$(dirname "$TEST_LIB")/git.sh"
image_busybox
mkdir app
GIT_DEFAULT_HASH=sha256 make_repositories
assert_eq "${#two}" 64
printf 'FROM busybox\nCOPY file /copied\n' >"$repo/Dockerfile"
in_repo add Dockerfile 2>/dev/null
in_repo commit -qm three
three=$(in_repo rev-parse HEAD)
build() { tare build --network none --progress plain -t app "$@" >out 2>&1 || fail "$(cat out)"; }
look() { tare run --rm --network none app "$@"; }
cat >app/Dockerfile <<TEXT
FROM busybox
ADD $url#v1 /v1
ADD $url#$one /one/
ADD $url#other:dir /dir
ADD $url?ref=main&submodules=false&checksum=${three:0:20} /new
TEXT
build app
assert_eq "$(look cat /v1/file /one/file /dir/deep/file /new/file | xargs)" 'one one below two'
assert_contains "$(cat "$TARE_ROOT"/steps/*)" "\"revision\": \"$three\""
build app
assert_contains "$(cat out)" '4 of 4 steps were there'
printf 'FROM busybox\nADD %s#%s /x\n' "$url" "$(printf '%064d' 7)" >app/Dockerfile
not tare build --network none app >out 2>&1
assert_contains "$(cat out)" 'has no commit'
# The repository is the context.
build "$url#main"
assert_eq "$(look cat /copied)" two
