# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# --link: the other container by its alias, also on the default network, and all of Docker's variables.
# needs: ip nft
. "$TEST_LIB"
image_busybox

tare run -d --name db --expose 5432 --expose 5433 --expose 53/udp -e USER_NAME=me busybox httpd -f -p 5432 >/dev/null
address=$(tare inspect --format '{{.NetworkSettings.IPAddress}}' db)
assert_contains "$(tare inspect --format '{{json .Config.ExposedPorts}}' db)" '"5432/tcp":{}'
tare run --rm --name app --link db:my-store busybox env >variables
expected="MY_STORE_NAME=/app/my-store
MY_STORE_PORT=tcp://$address:5432
MY_STORE_PORT_5432_TCP=tcp://$address:5432
MY_STORE_PORT_5432_TCP_ADDR=$address
MY_STORE_PORT_5432_TCP_PORT=5432
MY_STORE_PORT_5432_TCP_PROTO=tcp
MY_STORE_PORT_5432_TCP_START=tcp://$address:5432
MY_STORE_PORT_5432_TCP_PORT_START=5432
MY_STORE_PORT_5432_TCP_END=tcp://$address:5433
MY_STORE_PORT_5432_TCP_PORT_END=5433
MY_STORE_PORT_5433_TCP=tcp://$address:5433
MY_STORE_PORT_53_UDP=udp://$address:53
MY_STORE_PORT_53_UDP_PROTO=udp
MY_STORE_ENV_USER_NAME=me"
while read -r line; do
  grep -qxF "$line" variables || fail "no variable $line: $(cat variables)"
done <<<"$expected"
tare run --rm --link db:my-store busybox nc -w 2 my-store 5432 </dev/null >/dev/null || fail 'no name of the link'
not tare run --rm busybox nc -w 2 my-store 5432 </dev/null 2>/dev/null

tare stop -t 0 db >/dev/null
exits 125 tare run --rm --link db busybox true 2>err
assert_contains "$(cat err)" 'does not run'
exits 125 tare run --rm --link nobody busybox true 2>err
assert_contains "$(cat err)" 'nobody'
