# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# Ctrl-P Ctrl-Q leaves a program of exec running, with a terminal that never blocks it; one whose client is killed ends.
# needs: expect
. "$TEST_LIB"
image_busybox
tare run -d --name web --network none busybox sleep 1000 >/dev/null

# exec is the leader of the session here, so its end hangs up the terminal that it is on.
cat >session <<'TCL'
set timeout 20
spawn tare exec -it web sh -c {echo re""ady; until test -e /tmp/go; do sleep 0.1; done; yes | head -c 300000; echo done >/tmp/mark}
expect "ready" {} timeout { exit 1 } eof { exit 1 }
send "\x10\x11"
expect eof
lassign [wait] a b c status
exit $status
TCL
expect session || fail "detaching went wrong"
tare exec web touch /tmp/go
eventually 10 tare exec web test -s /tmp/mark

cat >killed <<'TCL'
set timeout 20
spawn tare exec -it web sh -c {echo re""ady; exec sleep 4321}
expect "ready" {} timeout { exit 1 } eof { exit 1 }
exec kill -9 [exp_pid]
expect eof
exit 0
TCL
expect killed || fail "killing the client went wrong"
gone() { [[ $(tare top web) != *"sleep 4321"* ]]; }
eventually 10 gone
