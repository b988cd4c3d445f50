# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# Whatever ends an attached command, the terminal is as it was before.
# needs: expect
. "$TEST_LIB"
image_busybox

cat >session <<'TCL'
set timeout 20
spawn env PS1=outer: sh
proc want {text} { expect $text {} timeout { puts "no $text"; exit 1 } eof { puts "end, no $text"; exit 1 } }
want "outer:"
send "stty -g >before\r"
want "outer:"
foreach signal {TERM HUP QUIT SEGV} {
  send "tare run -it --sig-proxy=false --name $signal --network none -e 'PS1=in''ner>' busybox sh\r"
  want "inner>"
  exec pkill -$signal -P [exp_pid] -x tare
  want "outer:"
  send "stty -g >after.$signal\r"
  want "outer:"
}
# While a password is asked for, too, which is not shown.
foreach signal {INT QUIT} {
  send "tare login -u ann 127.0.0.1:9\r"
  want "Password:"
  exec pkill -$signal -P [exp_pid] -x tare
  want "outer:"
  send "stty -g >after.login.$signal\r"
  want "outer:"
}
send "exit\r"
expect eof
TCL
expect session || fail "the session went wrong"
for signal in TERM HUP QUIT SEGV; do
  assert_eq "$(cat after.$signal)" "$(cat before)" "the terminal after SIG$signal"
  status_is $signal running || fail "the container of the client that SIG$signal ended is gone"
  tare rm -f $signal >/dev/null
done
for signal in INT QUIT; do
  assert_eq "$(cat after.login.$signal)" "$(cat before)" "the terminal after SIG$signal at a password"
done
