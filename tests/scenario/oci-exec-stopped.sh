# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# exec into a container that stops or traces whatever comes in: an answer in bounded time, which says so when it did not get to its program, and the status of a program that nobody lets us bury.
# needs: jq strace
. "$TEST_LIB"
. "$(dirname "$TEST_LIB")/oci.sh"

c=stopped-$$
hostile() {
  bundle b ".process.args = [\"/probe\", \"hostile\", \"$1\"] | .process.capabilities[] += [\"CAP_SYS_PTRACE\"] | ${2-.}"
  cp "$TEST_PROBES/probe-escape" b/rootfs/probe
  oci create -b b $c >ready
  oci start $c
  eventually 10 grep -q ready ready
}
# Below their own command's time limit, and nobody is left who waits.
exec_in() { timeout -k 1 40 "$@" >out 2>&1 </dev/null; }
traced() { timeout -k 1 60 strace -f -o /dev/null -e trace=prctl -e inject=prctl:delay_enter=100000 tare-oci --root "$STATE" exec $c true >out 2>&1 </dev/null; }

hostile stop-others
for _ in 1 2 3; do
  status=0
  exec_in tare-oci --root "$STATE" exec -d $c true || status=$?
  [ $status = 0 ] || { [ $status = 255 ] && grep -q 'in the container stops the new process' out; } ||
    fail "exec -d: status $status: $(cat out)"
done
exits 255 traced
assert_contains "$(cat out)" 'in the container stops the new process'
oci delete --force $c
nothing_left

# Of its death another process may hear first, and never listen.
hostile trace-others '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 1000, size: 1000}] |
  .linux.gidMappings = [{containerID: 0, hostID: 1000, size: 1000}] | .mounts |= map(select(.type != "cgroup"))'
tare-oci --root "$STATE" exec $c sleep 1000 >out 2>&1 </dev/null &
command=$!
traced_child() {
  child=$(pgrep -P $command -x sleep) && ! grep -q '^TracerPid:.0$' "/proc/$child/status"
}
eventually 20 traced_child
kill -KILL "$child"
begun=$SECONDS
status=0
wait $command || status=$?
[ $((SECONDS - begun)) -le 20 ] || fail 'it waits long for what nobody tells it'
assert_eq "$status" 137
oci delete --force $c
nothing_left
