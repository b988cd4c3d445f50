# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# Without processes, descriptors or room in its group left, a command says what is missing and leaves nothing.
. "$TEST_LIB"
image_busybox

# says_why COMMAND...: works, or fails with a sentence; never hangs and never dies of a signal.
says_why() {
  local status=0
  timeout -k 1 60 "$@" >out 2>&1 </dev/null || status=$?
  [[ $status != 124 && $status -lt 128 ]] || fail "status $status: $*: $(cat out)"
  [ $status = 0 ] || [ -s out ] || fail "fails without a word: $*"
  assert_lacks "$(cat out)" terminate
}
# Descriptors of our own: too few for a start at first, enough at last.
good=0
for limit in 4 8 12 16 20 24 28 32 40 48 64 128 256; do
  says_why bash -c "ulimit -n $limit && exec tare run --rm --network none busybox true"
  ! grep -q . out || grep -qi 'open files\|EMFILE\|descriptor' out || fail "with $limit descriptors: $(cat out)"
  [ -s out ] || good=1
  says_why bash -c "ulimit -n $limit && exec tare ps -a"
done
[ $good = 1 ] || fail 'no limit was enough'
assert_eq "$(tare ps -aq)" ''
# Processes of the container: the limit is the container's own affair, and exec into it says so.
tare run -d --name web --network none --pids-limit 8 -v "$TEST_PROBES/probe-escape:/probe:ro" busybox /probe hostile fill-pids >/dev/null 2>limited ||
  { grep -q pids limited && tare rm web >/dev/null && rm limited; }  # No such limit for this user.
if [ -e limited ]; then
  eventually 10 bash -c '[ "$(tare top web | wc -l)" -ge 8 ]'
  says_why tare exec web true
  says_why tare exec -d web true
  says_why tare top web
  tare rm -f web >/dev/null
fi
# Processes of the calling user. (Root of the host is not counted.)
if [ "$TEST_AS" = user ]; then
  for limit in 1 2 3 5 200; do
    says_why bash -c "ulimit -u $limit; exec tare run --rm --network none busybox true"
    says_why bash -c "ulimit -u $limit; exec tare ps -a"
  done
fi
eventually 10 bash -c '[ -z "$(tare ps -aq)" ] && [ -z "$(ls "$TARE_ROOT/containers")" ]'
