# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# COPY --mtime gives what it copies this time, however it is written; another time is another step.
. "$TEST_LIB"
image_busybox
mkdir -p app/dir && echo a >app/dir/file && echo b >app/one
build() {
  printf 'FROM busybox\nCOPY --mtime=%s one dir /x/\n' "$1" >app/Dockerfile
  tare build --network none --no-lock -t app app >log 2>&1
}
times() { tare run --rm --network none app stat -c %Y /x/one /x/file | tr '\n' ' '; }
build 1700000000 || fail "$(cat log)"
assert_eq "$(times)" '1700000000 1700000000 '
build 2024-02-29T12:00:00Z || fail "$(cat log)"
assert_eq "$(times)" '1709208000 1709208000 '
build 2024-02-29T12:00:00Z || fail "$(cat log)"
assert_contains "$(cat log)" '1 of 1 steps were there'
for wrong in yesterday -1 99999999999999; do
  not build "$wrong"
  assert_contains "$(cat log)" '--mtime'
done
