# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# -t gives a terminal of the right size that follows resizing; Ctrl-P Ctrl-Q leaves it running; attach comes back.
# needs: expect
. "$TEST_LIB"
image_busybox

cat >session <<'TCL'
set timeout 20
set stty_init "rows 33 columns 77"
spawn tare run -it --name term --network none busybox sh
proc want {text} { expect $text {} timeout { puts "no $text"; exit 1 } eof { puts "end, no $text"; exit 1 } }
want "# "
send "stty size; tty\r"
want "33 77"
want "/dev/"
want "# "
stty rows 20 columns 50 < $spawn_out(slave,name)
exec kill -WINCH [exp_pid]
send "sleep 0.2; stty size\r"
want "20 50"
send "sh -c 'echo st\"\"arted; exec sleep 100'\r"
want "started"
send "\x03"
want "# "
send "echo la\"\"ter\r"
want "later"
send "\x10\x11"
expect eof
lassign [wait] a b c status
if {$status != 0} { puts "detaching: status $status"; exit 1 }
spawn tare attach term
send "echo ba\"\"ck\r"
want "back"
send "exit 9\r"
expect eof
lassign [wait] a b c status
exit [expr {$status == 9 ? 0 : 1}]
TCL
expect session || fail "the session went wrong"
assert_eq "$(tare inspect --format '{{.State.ExitCode}}' term)" 9
