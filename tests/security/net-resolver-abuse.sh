# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2154,SC2012
# Attack: a container sends its name server garbage, opens more connections than it may, stops in the
# middle of messages, and asks without ever reading an answer. Neither the service nor the names of
# other containers suffer, and what it takes stays bounded.
# as: root userns
# needs: unshare nsenter ip dig ss pgrep
. "$TEST_LIB"
. "$(dirname "$TEST_LIB")/net.sh"
own_network
trap end_all EXIT

network front aa 10.1.1
for each in a1 a2; do container $each; done
endpoint aa a1 one 10.1.1.2
endpoint aa a2 two 10.1.1.3
name_server 127.0.0.1 1
start_service
eventually 5 serves a2
worker=$(service_pids worker)
attacked=$TCP_PORT

cat >"$TMPDIR/attack.py" <<'PYTHON'
import os, random, socket, struct, sys, time
udp, tcp = int(sys.argv[1]), int(sys.argv[2])
random.seed(7)
query = lambda name: struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, 0) + b"".join(bytes([len(l)]) + l for l in name) + b"\0\0\1\0\1"
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
good = query([b"one"])
for i in range(20000):
    bad = bytearray(good)
    for _ in range(random.randrange(1, 5)):
        bad[random.randrange(2, len(bad))] = random.randrange(256)
    s.sendto(bytes(bad[:random.randrange(1, len(bad) + 1)]), ("127.0.0.11", udp))
for size in (0, 1, 11, 12, 4096, 65000):
    s.sendto(b"\0" * size, ("127.0.0.11", udp))
held = []
for i in range(200):
    c = socket.create_connection(("127.0.0.11", tcp))
    c.setblocking(False)
    held.append(c)
    try:
        if i % 4 == 0:
            c.send(b"\xff\xff" + good)
        elif i % 4 == 1:
            c.send(b"\0")
        elif i % 4 == 2:
            c.send(os.urandom(5000))
        else:
            for _ in range(3000):
                c.send(struct.pack(">H", len(good)) + good)
    except OSError:
        pass
for i in range(2000):
    s.sendto(query([b"silent", b"%d" % i]), ("127.0.0.11", udp))
print("attacked", flush=True)
time.sleep(1000)
PYTHON
nsenter -t "$PID_a2" --net /usr/bin/python3 "$TMPDIR/attack.py" 53 53 >"$TMPDIR/attack" &
NET_PIDS+=("$!")
eventually 10 grep -qs attacked "$TMPDIR/attack"

assert_eq "$(service_pids worker)" "$worker" 'the service'
assert_eq "$(ask a2 +short one)" 10.1.1.2 'the attacker itself'
assert_eq "$(ask a2 +tcp +short one)" 10.1.1.2
for each in 1 2 3; do
  assert_eq "$(ask a1 +time=1 +short two)" 10.1.1.3
  assert_eq "$(ask a1 +time=1 +tcp +short two)" 10.1.1.3
  assert_eq "$(ask a1 +time=1 +short "fresh-$each.example")" 192.0.2.1 'forwarded beside the attacker'
done
# Its connections are bounded, and so are the questions that go out for it.
held=$(nsenter -t "$PID_a2" --net ss -Htn state established "sport = :$attacked" | wc -l)
((held >= 8 && held <= 32)) || fail "$held connections of one container are held"
asked=$(ss -Hun 'dport = :53' | wc -l)
((asked >= 100 && asked <= 257)) || fail "$asked questions are under way for one container"
memory=$(awk '/^Rss/{print $2}' "/proc/$worker/smaps_rollup")
[ "$memory" -lt 20000 ] || fail "the service has $memory kB"
