# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# --with: a start waits until its service is healthy, or takes connections, and says what it waited for.
# needs: ip nft
. "$TEST_LIB"
image_busybox
tare network create --subnet 10.66.0.0/24 front >/dev/null

# With an interval that never comes: who waits asks itself.
tare run -d --name db --network front --health-interval 1h --health-cmd 'cat /ready' busybox sleep 1000 >/dev/null
tare run --rm --name app --network front --with db busybox echo started >out 2>err &
client=$!
asked() { tare ps -a --format '{{.Names}} {{.State}}' | grep -q '^app created'; }
eventually 10 asked
assert_eq "$(cat out)" ''
tare exec db touch /ready
wait $client
assert_eq "$(cat out)" started
assert_eq "$(tare inspect --format '{{.State.Health.Status}} {{.State.Health.FailingStreak}}' db)" 'healthy 0'

# Without a health check: its first TCP port.
tare run -d --name web --network front --expose 8080 busybox sh -c \
  'while [ ! -e /go ]; do sleep 0.05; done; exec httpd -f -p 8080' >/dev/null
exits 125 tare run --rm --network front --with web --with-timeout 300ms busybox true 2>err
assert_contains "$(cat err)" "service 'web': waited 0.3 s for it to take connections at port 8080"
assert_contains "$(cat err)" 'Connection refused'
assert_contains "$(cat err)" 'tare logs web'
tare exec web touch /go
assert_eq "$(tare run --rm --network front --with web busybox echo up)" up
# Nothing to wait for, and not waiting.
tare run -d --name plain --network front busybox sleep 1000 >/dev/null
tare exec db rm /ready
tare stop -t 0 db >/dev/null
tare start db >/dev/null
assert_eq "$(tare run --rm --network front --with plain --with db:store --with-timeout 0 busybox echo up)" up

# What is said when it does not come.
exits 125 tare run --rm --network front --with db --with-timeout 500ms busybox true 2>err
assert_contains "$(cat err)" "service 'db': waited 0.5 s for it to be healthy"
assert_contains "$(cat err)" "can't open '/ready'"
tare stop -t 0 db >/dev/null
exits 125 tare run --rm --network front --with db busybox true 2>err
assert_contains "$(cat err)" "service 'db' does not run: it ended with exit code 137"
exits 125 tare run --rm --network front --with nobody busybox true 2>err
assert_contains "$(cat err)" nobody
exits 125 tare run --rm --with plain busybox true 2>err
assert_contains "$(cat err)" "is on no network of its service 'plain'"
exits 125 tare run --rm --network none --with plain busybox true 2>err
exits 125 tare run --rm --with plain --link web:plain busybox true 2>err
assert_eq "$(tare ps -aq --filter status=created)" '' 'containers that are left'

# A service that ends while it is waited for; and a user who does not want to wait any longer.
tare run -d --name crash --network front --health-interval 1h --health-cmd false busybox sleep 1000 >/dev/null
for how in crash interrupt; do
  tare run --rm --name app --network front --with crash busybox true 2>err &
  client=$!
  eventually 10 asked
  if [ $how = interrupt ]; then kill -TERM $client; else tare kill crash >/dev/null; fi
  status=0
  wait $client || status=$?
  assert_eq $status 125 "exit status after $how"
  if [ $how = crash ]; then
    assert_contains "$(cat err)" 'it ended with exit code 137'
    tare start crash >/dev/null
  else
    assert_contains "$(cat err)" interrupted
  fi
  assert_eq "$(tare ps -aq --filter name=app)" '' 'what is left of it'
done
