# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# A firewall of the host that stops published ports stays as it is; a start says what it stops and how to open it.
# as: root
# needs: nft
. "$TEST_LIB"
image_busybox

nft -f - <<'RULES'
table inet admin {
  chain forward { type filter hook forward priority 0; policy drop; }
}
RULES
nft list table inet admin >before
tare run -d --name one -p any:8080:80 busybox sleep 1000 >/dev/null 2>err
assert_contains "$(cat err)" forward
assert_contains "$(cat err)" tare0
tare run -d --name two -p 8081:80 busybox sleep 1000 >/dev/null 2>err
assert_eq "$(cat err)" '' 'what is said of a port for this machine only'
nft list table inet admin >after
cmp before after || fail 'the host has other rules now'
nft delete table inet admin
tare run -d --name three -p any:8082:80 busybox sleep 1000 >/dev/null 2>err
assert_eq "$(cat err)" '' 'what is said without a firewall'
