# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# etc/passwd of an image may be a link, a pipe or endless: the host's is never read and nothing hangs.
. "$TEST_LIB"

hostile evil:1 "sym:etc/passwd=/proc/self/environ" || true
hostile evil:2 "fifo:etc/passwd" || true
hostile evil:3 "sym:etc/passwd=passwd" || true
hostile evil:4 "sym:etc=/proc/1/root/etc" || true
hostile evil:5 "dir:etc/passwd" || true
for tag in 1 2 3 4 5; do
  status=0
  timeout 20 tare run --rm --network none -u nosuchuser evil:$tag true >out 2>&1 || status=$?
  [ $status != 124 ] || fail "user lookup in evil:$tag hangs"
  [ $status != 0 ] || fail "a user that does not exist was found in evil:$tag"
  timeout 20 tare run --rm --network none -u tare-test evil:$tag true >out 2>&1 && fail "a user of the host was found in evil:$tag"
done
assert_eq "$(tare ps -aq)" ''
