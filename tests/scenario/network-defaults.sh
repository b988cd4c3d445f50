# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# What a store's setting and this machine's files say of networks: the name of the default bridge, refused when
# somebody has it; search domains, but not inside. A taken port names the container that has it.
# as: root user userns
# needs: nft
. "$TEST_LIB"
image_busybox

echo 'default-bridge=a/b' >"$TARE_ROOT/settings"
exits 125 tare run --rm busybox true 2>err
assert_contains "$(cat err)" "setting 'default-bridge'"
echo 'default-bridge=docker0' >"$TARE_ROOT/settings"
if [ "$TEST_AS" = root ]; then
  ip link add docker0 type bridge
  exits 125 tare run --rm busybox true 2>err
  assert_contains "$(cat err)" "has a device 'docker0' already"
  ip link del docker0
fi
mkdir -p "$TARE_ROOT/networks"
printf 'nameserver 127.0.0.1\nsearch one.test two.test\n' >"$TARE_ROOT/networks/resolv.conf"
tare run -d --name one -p 8080:80 busybox sleep 1000 >/dev/null
assert_eq "$(tare network inspect --format '{{index .Options "com.docker.network.bridge.name"}}' bridge)" docker0
[ "$TEST_AS" != root ] || ip link show docker0 | grep -q docker0 || fail 'no device docker0'
exits 125 tare run --rm -p 8080:81 busybox true 2>err
assert_contains "$(cat err)" 'port 8080/tcp is taken already, by container'
not tare update --publish-add 8081:80 --publish-add 8080:81 one 2>err
assert_lacks "$(tare ports one)" 8081

search() { tare run --rm "$@" busybox grep '^search' /etc/resolv.conf || true; }
assert_eq "$(search)" 'search one.test two.test'
assert_eq "$(search --dns-search three.test)" 'search three.test'
assert_eq "$(search --dns-search .)" ''
tare network create --internal inside >/dev/null
assert_eq "$(search --network inside)" ''
exits 1 tare network rm bridge 2>err
assert_contains "$(cat err)" 'tare network disconnect'
