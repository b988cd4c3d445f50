# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# exec runs one more program in the same namespaces, with its own user, directory and environment.
. "$TEST_LIB"
image_busybox

tare run -d --name web -h inside -e A=1 --network none busybox sleep 1000 >/dev/null
assert_eq "$(tare exec web hostname)" inside
assert_eq "$(tare exec -e B=2 web sh -c 'echo $A$B')" 12
assert_eq "$(tare exec -w /etc web pwd)" /etc
assert_eq "$(tare exec -u www-data web id -u)" 33
assert_eq "$(tare exec -u 5:6 web sh -c 'id -u; id -g' | tr '\n' ' ')" '5 6 '
assert_eq "$(echo through | tare exec -i web cat)" through
assert_eq "$(tare exec web readlink /proc/self/ns/pid)" "$(tare exec web readlink /proc/1/ns/pid)"
exits 7 tare exec web sh -c 'exit 7'
exits 127 tare exec web no-such-program
exits 126 tare exec web /etc/passwd
tare exec -d web sh -c 'echo done >/tmp/mark'
eventually 5 tare exec web test -s /tmp/mark
tare stop -t 0 web >/dev/null
exits 1 tare exec web true
exits 1 tare exec nobody true
