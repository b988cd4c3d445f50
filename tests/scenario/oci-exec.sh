# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# exec: what the new process is, where it is, its streams and its exit status, from options and from a file.
# needs: jq
. "$TEST_LIB"
. "$(dirname "$TEST_LIB")/oci.sh"

c=exec-$$
bundle b '.process.env += ["COLOUR=blue"] | .process.cwd = "/tmp"'
oci create -b b $c
# A container that is only created takes them already.
assert_eq "$(oci exec $c pwd)" /tmp
oci start $c
exec_in() { oci exec "$@"; }
assert_eq "$(echo in | exec_in $c cat)" in
assert_eq "$(exec_in $c sh -c 'echo "$COLOUR"')" blue
assert_eq "$(exec_in --env COLOUR=red -e SHAPE=round $c sh -c 'echo "$COLOUR $SHAPE"')" 'red round'
assert_eq "$(exec_in --cwd /var/log $c pwd)" /var/log
assert_eq "$(exec_in --user 33 $c id -u)" 33
assert_eq "$(exec_in --user 33:4 -g 5 -g 6 $c sh -c 'echo $(id -u) $(id -g) $(id -G)')" '33 4 4 5 6'
assert_eq "$(exec_in $c readlink /proc/self/ns/pid)" "$(exec_in $c readlink /proc/1/ns/pid)"
assert_eq "$(exec_in $c sh -c 'echo $-' --option-of-the-program)" "$(exec_in $c sh -c 'echo $-')"
refused 'user' oci exec --user root $c true
refused 'user' oci exec --user 4294967295 $c true
refused 'no command' oci exec $c
refused '--no-such-option' oci exec --no-such-option $c true

# Exit statuses as a shell has them.
exits 0 oci exec $c true
exits 7 oci exec $c sh -c 'exit 7'
exits 255 oci exec $c sh -c 'exit 255'
exits 143 oci exec $c sh -c 'kill -TERM $$'
exits 127 oci exec $c no-such-program 2>err
assert_contains "$(cat err)" no-such-program
exits 127 oci exec $c /no/such/program 2>err
exits 126 oci exec $c /etc/passwd 2>err
assert_contains "$(cat err)" /etc/passwd
exits 126 oci exec $c /etc 2>err

# Capabilities and privileges.
caps() { sed -n 's/^CapEff:\t*0*//p;' ; }
before=$(exec_in $c cat /proc/self/status | caps)
with=$(exec_in --cap CAP_SYS_PTRACE $c cat /proc/self/status | caps)
assert_eq $((0x$with)) $((0x$before | 1 << 19)) 'capabilities with --cap'
refused CAP_NONE oci exec --cap CAP_NONE $c true
assert_eq "$(exec_in $c sed -n 's/^NoNewPrivs:\t//p' /proc/self/status)" 1

# A file with a process.
jq '.process | .args = ["sh", "-c", "echo $ONLY $(id -u) $(pwd); umask"] | .env = ["PATH=/bin", "ONLY=this"] |
  .user = {uid: 33, gid: 33, umask: 63} | .cwd = "/var"' b/config.json >process.json
assert_eq "$(exec_in --process process.json $c)" $'this 33 /var\n0077'
assert_eq "$(exec_in -p process.json $c)" $'this 33 /var\n0077'
echo '{' >broken.json
refused process oci exec --process broken.json $c
refused none.json oci exec --process none.json $c

# Detached.
oci exec --detach --pid-file pid $c sh -c 'echo $$ >/detached; exec sleep 1000' </dev/null >/dev/null 2>&1
eventually 5 test -s b/rootfs/detached
kill -0 "$(cat pid)"
assert_eq "$(sed -n 's/^NSpid:.*\t//p' "/proc/$(cat pid)/status")" "$(cat b/rootfs/detached)"
assert_eq "$(wc -l <pid)" 0 'newlines in the pid file'

# Descriptors that are to be kept, and none else.
exec 3<b/config.json 4</dev/null 7</dev/null
assert_eq "$(oci exec --preserve-fds 1 $c sh -c 'ls /proc/self/fd | wc -l')" 5  # 0-3 and the one of ls.
assert_eq "$(oci exec --preserve-fds 1 $c sh -c 'cat <&3' | jq -r .hostname)" tare
assert_eq "$(oci exec $c sh -c 'ls /proc/self/fd | wc -l')" 4
refused 'descriptor 5' oci exec --preserve-fds 3 $c true
exec 3<&- 4<&- 7<&-
oci delete --force $c
nothing_left
