# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# A terminal goes to the console socket of create and exec, or is the caller's own in the foreground.
# needs: jq python3 script
. "$TEST_LIB"
. "$(dirname "$TEST_LIB")/oci.sh"

c=term-$$
# receive NAME [TYPED]: a receiver at socket NAME.s, what it gets in NAME.out.
receive() {
  "$TOOLS/terminal-receiver" "$1.s" "$1.out" ${2+"$2"} &
  eventually 5 test -S "$1.s"
}
shows() { grep -q "$2" "$1.out"; }

bundle b '.process.terminal = true | .process.consoleSize = {height: 33, width: 77}'
runs b 'tty; stty size; ls -l /dev/console; for n in 0 1 2; do test -t $n && echo "is $n"; done; read line; echo "typed $line"; [ -w /dev/tty ] && echo "controlling"'
refused 'console-socket' oci create -b b $c
receive first $'something\n'
oci create -b b --console-socket first.s $c
eventually 5 test -s first.out.kind
assert_eq "$(cat first.out.kind)" '1 True True'
assert_matches "$(cat first.out.name)" ptmx
oci start $c
eventually 5 oci_is $c stopped
wait
for text in /dev/pts/0 '33 77' 'is 0' 'is 1' 'is 2' 'typed something' controlling; do
  shows first "$text" || fail "no '$text' in: $(cat first.out)"
done
oci delete $c

refused 'No such file' oci create -b b --console-socket nobody.s $c
nothing_left
touch file.s
refused 'file.s' oci create -b b --console-socket file.s $c
nothing_left

bundle plain
receive unused
refused 'terminal' oci create -b plain --console-socket unused.s $c
kill %%
wait || true
oci create -b plain $c
oci start $c
receive second $'whole line\n'
oci exec --tty --detach --pid-file pid --console-socket second.s $c sh -c 'tty; read line; echo "got $line"'
eventually 5 shows second 'got whole line'
shows second /dev/pts/
wait
receive third
exits 3 oci exec --tty --console-socket third.s $c sh -c 'test -t 1 && echo yes; exit 3'
wait
shows third yes
refused 'terminal' oci exec --tty --detach $c true

# In the foreground: what the terminal of the caller is.
script -qec "tare-oci --root '$STATE' exec --tty $c sh -c 'test -t 0 && tty; exit 5'" typescript </dev/null >/dev/null && fail 'the exit status was lost'
assert_contains "$(cat typescript)" /dev/pts/
oci delete --force $c
runs b 'tty; echo done'
script -qec "tare-oci --root '$STATE' run -b b $c" typescript </dev/null >/dev/null
assert_contains "$(cat typescript)" /dev/pts/0
assert_contains "$(cat typescript)" "done"
nothing_left

# Where the container has no devpts there is no terminal, and nothing of the host is used.
configure b '.mounts |= map(select(.destination != "/dev/pts"))'
receive fourth
refused terminal oci create -b b --console-socket fourth.s $c
kill %% 2>/dev/null || true
nothing_left
