# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# as: root
# needs: nft ip nsenter
# Who removes our rules is noticed, and all of them come back; many who load them at once make one
# table; the thousandth port costs what the first did.
. "$TEST_LIB"
# shellcheck source=tests/network.sh
. "$(dirname "$TEST_LIB")/network.sh"

net_world
net_network tare0 5
net_container host tare0 web 10.5.0.2/24 fd00:5::2/64
net_serve web web 80

works() {
  assert_eq "$(net_ask outside tcp 203.0.113.1 8080)" "web sees 203.0.113.9"
  net_run host "$net_probe" list | sort
}
heal() { net_run host "$net_probe" restore tare0 10.5.0.0/24 10.5.0.2 0.0.0.0:8080:80/tcp 203.0.113.1:81:80/tcp; }

assert_eq "$(net_run host "$net_probe" ensure)" whole
heal
net_run host "$net_probe" add-network tare0 10.5.0.0/24
whole=$(works)

for damage in "flush ruleset" "flush table inet tare" "delete table inet tare" "flush chain inet tare forward"; do
  net_start host watching "$net_probe" watch
  # Other tables are none of its business.
  net_run host nft add table inet somebody
  net_run host nft delete table inet somebody
  not grep -q gone "$net_out"
  # shellcheck disable=SC2086  # Words.
  net_run host nft $damage
  eventually 5 net_is_said "$net_out" gone
  assert_eq "$(net_run host "$net_probe" whole)" no
  assert_eq "$(net_run host "$net_probe" ensure)" made
  heal
  assert_eq "$(works)" "$whole"
done

# What is there may be restored too, also over something else.
heal
net_run host "$net_probe" publish 10.5.0.9 0.0.0.0:8080:80/tcp
heal
assert_eq "$(works)" "$whole"

# A table that is not ours under our name, and ten that find it.
net_run host nft delete table inet tare
net_run host nft add table inet tare
pids=()
for ((i = 0; i < 10; i++)); do
  net_run host "$net_probe" ensure >"$TMPDIR/ensure-$i" &
  pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid"; done
assert_eq "$(cat "$TMPDIR"/ensure-* | grep -c .)" 10
assert_eq "$(net_run host "$net_probe" whole)" yes
heal
assert_eq "$(works)" "$whole"

# The median of the last hundred of a thousand, to that of the first.
times=$(net_run host "$net_probe" many 1000 10.5.0.2)
echo "publishing a port: $times"
read -r _ first _ _ last _ <<<"$times"
[ "$last" -lt $((first * 3)) ] || fail "the last port takes longer than the first: $times"
works >/dev/null
