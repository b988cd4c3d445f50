# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# needs: python3 git
# ADD of a git repository: branches, tags, commits and folders, submodules, the repository itself, secrets, and
# what is not fetched again.
. "$TEST_LIB"
# shellcheck source=tests/registry.sh
. "$(dirname "$TEST_LIB")/registry.sh"
# shellcheck source=tests/git.sh
. "$(dirname "$TEST_LIB")/git.sh"
image_busybox
mkdir app
make_repositories
build() { tare build --network none --progress plain -t app "$@" -f - app >out 2>&1 || fail "$(cat out)"; }
look() { tare run --rm --network none app "$@"; }

cat >first <<TEXT
FROM busybox
ADD $url#v1 /v1
ADD $url#$one /one/
ADD $url /new
ADD $url#other:dir /dir
ADD --chown=3:4 $url?branch=main&submodules=false /plain
ADD --checksum=${one:0:12} $url#refs/tags/v1 /checked
TEXT
build <first
assert_eq "$(look cat /v1/file /one/file /new/file /dir/deep/file /checked/file /new/module/file | xargs)" \
  'one one two below one sub'
assert_eq "$(look /v1/program)" runs
assert_eq "$(look readlink /v1/link)" file
# Not as a checkout would be: bytes are those of the repository.
assert_eq "$(look cat /v1/text)" eol
[ -z "$(look ls /plain/module)" ] || fail 'a submodule came'
assert_eq "$(look stat -c '%a %u:%g' /v1/file /v1/program /v1/dir /plain/file | xargs)" \
  '644 0:0 755 0:0 755 0:0 644 3:4'
not look ls /v1/.git 2>/dev/null
assert_contains "$(cat "$TARE_ROOT"/steps/*)" "\"revision\": \"$two\""
first=$(tare inspect --format '{{.Id}}' app)
# What branches are is asked, and a commit that is known is not fetched again.
: >"$log"
build <first
assert_contains "$(cat out)" '6 of 6 steps were there'
assert_lacks "$(said)" 'POST /git/x.git/git-upload-pack 200 range=- match=-- auth=- fetch'
printf 'FROM busybox\nADD %s#%s /one/\n' "$url" "$one" >second
: >"$log"
build <second
[ -z "$(said)" ] || fail "a whole commit was asked for: $(said)"
# Where nothing is known the same comes.
tare builder prune -af >/dev/null
tare rmi -f app >/dev/null
tare system prune -f >/dev/null
build <first
assert_eq "$(tare inspect --format '{{.Id}}' app)" "$first" 'the image of the same commits'

printf 'FROM busybox\nADD %s?ref=main&mtime=commit /x\n' "$url" | build
assert_eq "$(look stat -c %Y /x/file)" 981173106

# What cannot be had, with the place in the Dockerfile.
bad() {
  printf 'FROM busybox\nADD %s /x\n' "$1" >bad
  not tare build --network none -f bad app >out 2>&1
  assert_contains "$(cat out)" 'bad:2'
  assert_contains "$(cat out)" "$2"
}
bad "$url#nothing" "has no 'nothing'"
bad "$url#main:nowhere" "no folder 'nowhere'"
bad "$url?ref=main&checksum=${one:0:10}" "$two"
bad "$url#$(printf '%040d' 7)" 'has no commit'
bad "http://$web/git/y.git" y.git
# Secrets are told to their host, and are in no record.
bad "http://$web/private/git/x.git" GIT_AUTH_TOKEN
printf 'FROM busybox\nADD %s#v1 /x\n' "$private" >private
GIT_AUTH_TOKEN=t0ken build --secret id=GIT_AUTH_TOKEN <private
assert_eq "$(look cat /x/file)" one
printf 'FROM busybox\nADD http://ann:s3cret@%s/private/git/x.git#other:dir /x\n' "$web" | build
assert_eq "$(look cat /x/deep/file)" below
assert_lacks "$(cat out; tare history --no-trunc app)" s3cret
not grep -rlE 's3cret|t0ken' "$TARE_ROOT"
