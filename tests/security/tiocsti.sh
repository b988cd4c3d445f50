# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# A program in a container cannot type into the terminal that started it.
# needs: expect
. "$TEST_LIB"
image_busybox

cat >session <<TCL
set timeout 20
spawn tare run -it --rm --network none -v $TEST_PROBES/probe-attack:/probe:ro busybox /probe tiocsti
expect eof
lassign [wait] a b c status
exit \$status
TCL
exits 1 expect session
# Without -t too, when standard input is the caller's own terminal.
sed -i 's/ -it / -i /' session
exits 1 expect session
sed -i 's/tiocsti$/tioclinux/' session
exits 1 expect session
