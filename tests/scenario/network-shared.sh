# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# The network of another container, of the host, and none: what they leave alone, and what happens when
# the container whose network it is stops and starts.
# as: root
# needs: ip nft
. "$TEST_LIB"
image_busybox
taken() { find "$TARE_ROOT"/networks/*/leases "$TARE_ROOT"/networks/*/endpoints -mindepth 1 2>/dev/null | wc -l; }
devices() { ip -o link | wc -l; }

# Those without a network need nothing of it, and leave everything alone.
before=$(devices)
tare run --rm --network none busybox ip -o link | grep -qv ': lo:' && fail 'none has a device'
tare run --rm --network host busybox ip -o link | grep -c . >links
assert_eq "$(cat links)" "$before" 'devices of the host'
assert_eq "$(devices) $(nft list tables)" "$before " 'what they have made'
not pgrep -f "^[^ ]*tare-net $TARE_ROOT\$" >/dev/null

tare network create back >/dev/null
tare run -d --name owner --network back busybox httpd -f -p 80 >/dev/null
tare run -d --name other --network back busybox httpd -f -p 81 >/dev/null
had=$(taken)
tare run -d --name guest --network container:owner busybox httpd -f -p 82 >/dev/null
assert_eq "$(taken)" "$had" 'addresses'
tare exec guest nc -w 2 127.0.0.1 80 </dev/null || fail 'loopback is not shared'
tare exec guest nslookup other 127.0.0.11 >/dev/null || fail 'no names'
tare exec other nc -w 2 owner 82 </dev/null || fail 'the guest is not reached'
for command in 'network connect back guest' 'network disconnect back guest' 'update --publish-add 8080:80 guest'; do
  # shellcheck disable=SC2086
  not tare $command 2>err
done
tare exec guest ip addr show eth0 >/dev/null || fail 'a change that was refused was made'

# The guest ends: nothing of the owner does.
tare rm -f guest >/dev/null
tare exec other nc -w 2 owner 80 </dev/null || fail 'the owner lost its network'
tare exec owner nslookup other 127.0.0.11 >/dev/null || fail 'the owner lost its names'

# The owner ends: the guest runs on with what is left of it, and its address can be had.
tare run -d --name guest --network container:owner busybox httpd -f -p 82 >/dev/null
tare stop -t 0 owner >/dev/null
status_is guest running || fail 'the guest ended with the owner'
tare exec guest true
not tare run --rm --network container:owner busybox true 2>err
assert_contains "$(cat err)" 'does not run'
tare start owner >/dev/null
tare exec other nc -w 2 owner 80 </dev/null || fail 'the owner is not back'
tare exec owner nslookup other 127.0.0.11 >/dev/null || fail 'the owner has no names'
tare stop -t 0 guest >/dev/null
tare start guest >/dev/null
tare exec other nc -w 2 owner 82 </dev/null || fail 'the guest is not on its new network'

tare rm -f owner guest other >/dev/null
left() { [ "$(taken)" = 0 ] && [ -z "$(ip -o link show type veth)" ]; }
eventually 5 left
tare network rm back >/dev/null
