# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# run passes streams, signals and the exit status on, and deletes the container at its end; --detach and --keep do as they say.
# needs: jq
. "$TEST_LIB"
. "$(dirname "$TEST_LIB")/oci.sh"

c=run-$$
bundle b
runs b 'cat; echo problem >&2; exit 7'
status=0
out=$(echo input | oci run -b b $c 2>err) || status=$?
assert_eq $status 7
assert_eq "$out" input
assert_eq "$(cat err)" problem
nothing_left
runs b 'exit 0'
oci run -b b $c
# A program that is not there.
configure b '.process.args = ["no-such-program"]'
status=0
oci run -b b $c 2>err || status=$?
assert_eq $status 1
assert_contains "$(cat err)" no-such-program
nothing_left
configure b '.process.args = ["/etc/passwd"]'
refused /etc/passwd oci run -b b $c
configure b '.process.args = []'
refused 'process.args' oci run -b b $c
configure b 'del(.process)'
refused 'process' oci run -b b $c
nothing_left

# Signals reach the program.
bundle b
runs b 'trap "exit 9" TERM; echo >/ready; while :; do sleep 0.05; done'
tare-oci --root "$STATE" run -b b $c </dev/null &
eventually 5 test -e b/rootfs/ready
kill -TERM $!
exits 9 wait $!
rm b/rootfs/ready
runs b 'echo >/ready; sleep 1000'
tare-oci --root "$STATE" run -b b $c </dev/null &
eventually 5 test -e b/rootfs/ready
oci kill $c KILL
exits 137 wait $!
nothing_left

rm b/rootfs/ready
runs b 'echo >/ready; sleep 1000'
oci run --detach --pid-file pid -b b $c </dev/null >/dev/null 2>&1
eventually 5 test -e b/rootfs/ready
assert_eq "$(oci_status $c)" running
assert_eq "$(cat pid)" "$(oci_pid $c)"
oci delete --force $c
runs b 'exit 4'
exits 4 oci run --keep -b b $c
assert_eq "$(oci_status $c)" stopped
oci delete $c
nothing_left

# Whoever calls us may ignore the ends of its children.
exits 4 bash -c "trap '' CHLD; exec tare-oci --root '$STATE' run -b b $c"
nothing_left
