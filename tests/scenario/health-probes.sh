# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# --health: probes that need nothing in the image; the check of an image; and what cannot be a check.
# needs: python3
. "$TEST_LIB"
image_busybox

check() { tare healthcheck run "$@" 2>&1; }
tare run -d --name web --network none --health http://:8080/healthz --health-interval 1h busybox sh -c \
  'mkdir -p /www/private /tmp/s; echo fine >/www/healthz; cd /www; httpd -p 8080; sleep 1000' >/dev/null
answers() { check web >said; }
eventually 10 answers
assert_eq "$(cat said)" "HTTP/1.1 200 OK
fine
healthy"
tare exec web rm /www/healthz
exits 1 check web >said
assert_contains "$(cat said)" '404 Not Found'
tare exec web killall httpd
exits 1 check web >said
assert_contains "$(cat said)" '127.0.0.1:8080: Connection refused'
assert_contains "$(tare inspect --format '{{json .Config.Healthcheck}}' web)" '["PROBE","http://:8080/healthz"]'

tare run -d --name six --network none --health 'tcp://[::1]:5432' --health-interval 1h busybox httpd -f -p '[::1]:5432' >/dev/null
six_answers() { check six >said; }
eventually 10 six_answers
assert_contains "$(cat said)" 'connected to port 5432'
mkdir "$TMPDIR/s"
python3 -c 'import os, signal, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o777)
s.listen()
signal.pause()' "$TMPDIR/s/x.sock" &
server=$!
tare run -d --name local --network none -v "$TMPDIR/s:/s" --health unix:///tmp/link/x.sock --health-interval 1h \
  busybox sh -c 'ln -s ../s /tmp/link; sleep 1000' >/dev/null
local_answers() { check local >said; }
eventually 10 local_answers
assert_contains "$(cat said)" "connected to '/tmp/link/x.sock'"
kill $server
wait $server || true
exits 1 check local >said
assert_contains "$(cat said)" 'Connection refused'

# An image that has one, and what is made of it.
tare import -c 'HEALTHCHECK --interval=100ms --timeout=2s --start-period=1h --start-interval=50ms --retries=2 CMD test -e /well' \
  "$TEST_CACHE/busybox.tar" checked >/dev/null
tare run -d --name checked --network none checked sleep 1000 >/dev/null
logged() { [ "$(tare inspect --format '{{len .State.Health.Log}}' checked)" = 5 ]; }
eventually 10 logged
# In the time that it has to start failures do not count.
assert_eq "$(tare inspect --format '{{.State.Health.Status}} {{.State.Health.FailingStreak}}' checked)" 'starting 0'
tare exec checked touch /well
well() { [ "$(tare inspect --format '{{.State.Health.Status}}' "$1")" = healthy ]; }
eventually 10 well checked
tare run -d --name unchecked --network none --no-healthcheck checked sleep 1000 >/dev/null
assert_eq "$(tare ps --format '{{.Names}}' --filter health=none)" unchecked
tare run -d --name longer --network none --health-interval 1h checked sleep 1000 >/dev/null
assert_contains "$(tare inspect --format '{{json .Config.Healthcheck}}' longer)" '"Interval":3600000000000,"Timeout":2000000000'

# A paused container is not asked.
if tare pause checked >/dev/null 2>&1; then
  exits 125 check checked >said
  assert_contains "$(cat said)" 'is paused'
  tare unpause checked >/dev/null
fi

for wrong in ftp://:21 http://:80000 http://db:80/ unix://x tcp://5432 'http://:80/a b'; do
  exits 125 tare create --health "$wrong" busybox 2>err
  assert_contains "$(cat err)" 'health'
done
exits 125 tare create --health https://:443/ busybox 2>err
assert_contains "$(cat err)" TLS
exits 125 tare create --health tcp://:1 --health-cmd x busybox 2>/dev/null
exits 125 tare create --no-healthcheck --health-retries 3 busybox 2>/dev/null
exits 125 tare create --health-interval 1us --health-cmd x busybox 2>/dev/null
