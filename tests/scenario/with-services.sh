# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# What --with tells a program: variables, a name, and /run/tare/services.json, which follows what happens.
# needs: ip nft jq
. "$TEST_LIB"
image_busybox
tare network create --subnet 10.66.0.0/24 front >/dev/null
tare network create back >/dev/null

tare run -d --name db --network front --ip 10.66.0.77 --expose 5432 -e POSTGRES_USER=me -e POSTGRES_DB='a/b' \
  -e POSTGRES_PASSWORD=secret --health-interval 1h --health-cmd 'cat /ready' busybox sh -c \
  'touch /ready; exec httpd -f -p 5432' >/dev/null
tare run -d --name app --network front --with db:my-db -e MY_DB_USER=kept -e MY_DB_PORT_5432_TCP_PROTO=mine \
  busybox sleep 1000 >/dev/null
tare exec app env >variables
expected='MY_DB_HOST=my-db
MY_DB_PORT=5432
MY_DB_URL=postgres://me@my-db:5432/a%2Fb
MY_DB_NAME=/app/my-db
MY_DB_PORT_5432_TCP=tcp://10.66.0.77:5432
MY_DB_PORT_5432_TCP_ADDR=10.66.0.77
MY_DB_PORT_5432_TCP_PROTO=mine
MY_DB_ENV_POSTGRES_USER=me
MY_DB_USER=kept'
while read -r line; do
  grep -qxF "$line" variables || fail "no variable $line: $(cat variables)"
done <<<"$expected"
assert_eq "$(sort variables | cut -d = -f 1 | uniq -d)" '' 'variables that are there twice'
! grep -q secret variables || fail 'a password was told'
assert_eq "$(tare exec app sh -c "tr '\\0' '\\n' </proc/1/environ | grep -c ^MY_DB_URL=")" 1
tare exec app nc -w 2 my-db 5432 </dev/null >/dev/null || fail 'its alias is not found'

file() { tare exec app cat /run/tare/services.json >services.json && jq -r "$1" services.json; }
says() { [ "$(file ".services[0] | $1")" = "$2" ]; }
assert_eq "$(file .version)" 1
assert_eq "$(file '.services[0] | "\(.alias) \(.name) \(.state) \(.health) \(.v4[0]) \(.ports[0].port)/\(.ports[0].protocol) \(.url)"')" \
  'my-db db running healthy 10.66.0.77 5432/tcp postgres://me@my-db:5432/a%2Fb'
assert_eq "$(file '.services[0].id')" "$(tare inspect --format '{{.Id}}' db)"
assert_eq "$(file '.services[0].v6 | length')" 1

# Health, a new name, another network, its end, and a new start with another address.
tare exec db rm /ready
for _ in 1 2 3; do exits 1 tare healthcheck run -q db; done
eventually 10 says .health unhealthy
tare exec db touch /ready
tare healthcheck run -q db
eventually 10 says .health healthy
tare rename db store
eventually 10 says .name store
tare network connect back store
assert_eq "$(file '.services[0].v4 | length')" 1 'addresses on networks that it is on'
tare network connect back app
eventually 10 says '.v4 | length' 2
tare exec app nslookup my-db >/dev/null
tare network disconnect back store
eventually 10 says '.v4 | length' 1
tare stop -t 0 store >/dev/null
eventually 10 says '"\(.state) \(.health) \(.v4)"' 'ended unhealthy []'
tare network disconnect front store
tare network connect --ip 10.66.0.88 front store
tare start store >/dev/null
eventually 10 says '"\(.state) \(.v4[0])"' 'running 10.66.0.88'
found() { tare exec app nslookup my-db 2>/dev/null | grep -q 10.66.0.88; }
eventually 10 found

# Read-only, also for root; and of the service itself nothing is left when it is killed.
exits 1 tare exec app sh -c 'echo x >/run/tare/services.json' 2>/dev/null
exits 1 tare exec app touch /run/tare/x 2>/dev/null
tare rm -f store >/dev/null
eventually 10 says .state ended

# --link has the file, too, and keeps Docker's variables; a start begins with what is there then.
tare run -d --name web --expose 80 busybox httpd -f -p 80 >/dev/null
tare run --rm --link web:www busybox sh -c 'cat /run/tare/services.json; echo $WWW_PORT' >out
assert_contains "$(cat out)" '"url":"http://www:80"'
assert_matches "$(tail -1 out)" '^tcp://'
tare run --rm --with web busybox sh -c 'echo $WEB_HOST $WEB_PORT $WEB_URL; nslookup web >/dev/null && echo found' >out
assert_eq "$(cat out)" "web 80 http://web:80
found"
exits 125 tare run --rm --with web -v /tmp:/run/tare busybox true 2>err
assert_contains "$(cat err)" services.json
