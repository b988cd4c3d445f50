# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# A container has a session keyring of its own and cannot read a key of its neighbour or of the host.
. "$TEST_LIB"
image_busybox

# keyctl is refused as a whole, or at least gives nothing of others.
first=$(probe report '' | jq .session_keyring)
second=$(probe report '' | jq .session_keyring)
own=$("$TEST_PROBES/probe-report" | jq .session_keyring)
[ "$first" = -1 ] || [ "$first" != "$second" ] || fail "two containers share session keyring $first"
[ "$first" = -1 ] || [ "$first" != "$own" ] || fail 'the caller'\''s session keyring is visible inside'
tare run -d --name owner -v "$TEST_PROBES/probe-attack:/probe:ro" --network none busybox sleep 1000 >/dev/null
serials=$(tare exec owner cat /proc/keys 2>/dev/null | awk '{print strtonum("0x" $1)}' || true)
for serial in $serials $(awk '{print $1}' /proc/keys 2>/dev/null | head -n 5 | while read -r hex; do echo $((16#$hex)); done); do
  not probe attack '' read-key "$serial"
done
