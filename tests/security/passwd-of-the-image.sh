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
# A running container leads the lookup of exec to the kernel's files: those are not read either.
tare load -q -i "$TEST_CACHE/busybox-docker.tar" >/dev/null
tare run -d --name web --network none busybox sh -c 'ln -sf /proc/version /etc/passwd; echo ready; exec sleep 1000' >/dev/null
eventually 10 logs_contain web ready
error=$(exits 125 tare exec -u nosuchuser web true 2>&1)
assert_contains "$error" 'file of the kernel'
