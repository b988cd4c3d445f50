# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# as: root user
# needs: python3
# RUN --mount=type=ssh: the socket has the owner and mode that the Dockerfile says, a user of the image talks through it
# to the user's agent, and the agent sees the one who builds.
. "$TEST_LIB"
image_busybox
mkdir app
cp "$TEST_PROBES/probe-peer" app/peer
cat >agent.py <<'PY'
import os, socket, struct, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o600)
s.listen()
while True:
    k = s.accept()[0]
    uid = struct.unpack("3i", k.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1]
    k.sendall(b"%s for %d\n" % (k.recv(100), uid))
PY
python3 agent.py agent &
agent=$!
end_agent() {
  kill $agent
  clean_up
}
trap end_agent EXIT
eventually 10 test -S agent
build() { tare build --progress plain --network none --ssh default=agent app >log 2>&1; }
cat >app/Dockerfile <<'TEXT'
FROM busybox
COPY peer /peer
RUN --mount=type=ssh stat -c '%u %g %a' $SSH_AUTH_SOCK && /peer socket $SSH_AUTH_SOCK root
USER 1000
RUN --mount=type=ssh,uid=1000,gid=1001,mode=0640,target=/run/agent stat -c '%u %g %a' /run/agent && /peer socket /run/agent user
RUN --mount=type=ssh /peer socket $SSH_AUTH_SOCK nobody || echo refused
TEXT
build || fail "$(cat log)"
said=$(sed -n 's/^#[0-9]* [0-9.]*s //p' log)
assert_contains "$said" $'0 0 600\nroot for '"$(id -u)"
assert_contains "$said" $'1000 1001 640\nuser for '"$(id -u)"
assert_contains "$said" 'Permission denied'
assert_contains "$said" refused
# An agent that is not there, and one that goes on after a connection that broke.
printf 'FROM busybox\nCOPY peer /peer\nRUN --mount=type=ssh /peer socket $SSH_AUTH_SOCK again\n' >app/Dockerfile
build || fail "$(cat log)"
assert_contains "$(cat log)" 'again for'
assert_eq "$(find "$TARE_ROOT/tmp" -mindepth 1 | wc -l)" 0
