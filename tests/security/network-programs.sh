# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# The programs that speak with strangers for a build, tare-transfer, tare-record and git with all that it starts, have a list
# of system calls, no capabilities and no new privileges while they do so, and git sees no other processes. What the list
# keeps from them is tried by src/sys/calls_test.cc.
# as: root user
. "$TEST_LIB"
image_busybox
mkdir app
python3 -c 'import socket
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
kept = []
while True: kept.append(s.accept()[0]); print("asked", flush=True)' >server &
server=$!
build=
net_clean() { kill $server $build 2>/dev/null || true; }
eventually 10 test -s server
port=$(head -1 server)
begin() {
  : >server
  printf 'FROM busybox\n%s\n' "$1" >app/Dockerfile
  (exec tare build --network recorded --progress plain app) >log 2>&1 &
  build=$!
  eventually 20 grep -q "${2:-asked}" "${3:-server}"
}
end() {
  kill -KILL $build
  wait $build 2>/dev/null || true
}
# below PID: its processes, and theirs.
below() { for child in $(pgrep -P "$1"); do echo "$child"; below "$child"; done; }
named() { for pid in $(below $build); do grep -qs "$1" "/proc/$pid/comm" && echo "$pid"; done; true; }
confined() {
  local pid
  [ -n "$2" ] || fail "no $1 runs: $(cat log)"
  for pid in $2; do
    assert_eq "$(sed -nE 's/^(NoNewPrivs|Seccomp|CapEff|CapPrm|CapBnd):\t//p' "/proc/$pid/status" | xargs)" \
      "$3 $3 ${4-0000000000000000} 1 2" "$1"
  done
}
none=0000000000000000
bound=$none
begin "ADD http://127.0.0.1:$port/never /x"
confined tare-transfer "$(named tare-transfer)" $none $bound
end
begin "ADD http://127.0.0.1:$port/never.git /x"
confined git "$(named '^git')" $none $bound
for pid in $(named '^git'); do
  [ "$(readlink "/proc/$pid/ns/pid")" != "$(readlink /proc/self/ns/pid)" ] || fail 'git sees the processes of this machine'
done
end
begin 'RUN echo begun; nc 127.0.0.1 61987 </dev/null & sleep 1000' begun log
eventually 20 eval '[ -n "$(named tare-record)" ]'
eventually 5 grep -q '^Seccomp:.2' "/proc/$(named tare-record | head -1)/status"
confined tare-record "$(named tare-record)" $none $bound
end
