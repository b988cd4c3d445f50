# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# Contexts from elsewhere are in the lock, too: --locked takes those that it has, from what is kept, and no others.
# needs: python3 git jq skopeo
. "$TEST_LIB"
# shellcheck source=tests/registry.sh
. "$(dirname "$TEST_LIB")/registry.sh"
# shellcheck source=tests/git.sh
. "$(dirname "$TEST_LIB")/git.sh"
image_busybox
make_repositories
mkdir app
printf 'FROM busybox\nCOPY file /\nCOPY --from=more file /more\nCOPY --from=source file /source\n' >app/Dockerfile
# tar VERSION: a context of the web.
tar_context() {
  echo "$1" >app/file
  tar -C app --mtime=@0 -cf www/app.tar Dockerfile file
}
tar_context 1
build() {
  tare build -q --network none -t app --lock app.lock --build-context more="http://$web/app.tar" \
    --build-context source="$url#main" "$@" >id 2>log
}
files() { tare run --rm --network none app sh -c 'cat /file /more /source'; }
build "http://$web/app.tar" || fail "$(cat log)"
assert_eq "$(files)" $'1\n1\ntwo'
assert_eq "$(jq -r '.sources[] | .url // .git // empty' app.lock)" "http://$web/app.tar
$url#main"
cp id first
# Another one under that address.
tar_context 2
echo three >"$repo/file"
in_repo add file
in_repo commit -qm three
build "http://$web/app.tar" || fail "$(cat log)"
cmp id first
# What was kept is gone: what is there now is not that.
tare builder prune -af >/dev/null
not build "http://$web/app.tar"
assert_contains "$(cat log)" app.tar
not build --locked "http://$web/app.tar"
not build --locked app
assert_contains "$(cat log)" '--build-context more'
# What is kept is taken, of the web and of git.
tar_context 1
build --locked "http://$web/app.tar" || fail "$(cat log)"
cmp id first
assert_eq "$(files)" $'1\n1\ntwo'
rm www/app.tar
rm -rf "$repo"
build --locked "http://$web/app.tar" || fail "$(cat log)"
cmp id first
# What the lock does not have, whatever it has.
not build --locked "http://$web/other.tar"
assert_contains "$(cat log)" "'http://$web/other.tar' is not in the lock"
not build --locked --build-context more="http://$web/other.tar" app
assert_contains "$(cat log)" "'http://$web/other.tar' is not in the lock"
not build --locked --build-context source="$url#other" app
assert_contains "$(cat log)" "'$url#other' is not in the lock"
