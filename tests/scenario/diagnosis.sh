# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# An entrypoint that cannot start is explained: what is wrong with it, and what to do.
. "$TEST_LIB"
make_rootfs root
printf '#!/bin/nosuch\n' >root/bin/no-interpreter
printf '#!/bin/sh\r\necho x\r\n' >root/bin/crlf
printf '#!/bin/sh\n' >root/bin/no-bit
printf 'hello\n' >root/bin/text
cp /bin/date root/bin/dynamic
head -c 18 /bin/date >root/bin/foreign
printf '\xf3\x00' >>root/bin/foreign
tail -c +21 /bin/date >>root/bin/foreign
chmod 755 root/bin/{no-interpreter,crlf,text,dynamic,foreign}
chmod 644 root/bin/no-bit
tar -C root -cf root.tar .
tare import root.tar sick >/dev/null

# says STATUS TEXT PROGRAM: starting PROGRAM fails with STATUS and a message that holds TEXT.
says() {
  local status=0 error
  error=$(tare run --rm --network none sick "$3" 2>&1) || status=$?
  assert_eq "$status" "$1" "exit status of $3"
  assert_contains "$error" "$2"
}
says 127 /bin/nosuch no-interpreter
says 127 'Windows line ends' crlf
says 126 chmod no-bit
says 127 ld-linux dynamic
says 126 RISC-V foreign
says 127 busybox busybux
says 126 directory /etc
says 127 /opt/prog /opt/prog
tare run --rm --network none sick text >/dev/null 2>&1 && fail 'a text file ran'
tare run --rm --network none --tmpfs /x:exec sick true
assert_eq "$(tare ps -aq)" ''
