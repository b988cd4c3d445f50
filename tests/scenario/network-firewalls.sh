# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# as: root
# needs: nft ip nsenter
# Firewalls of the host stay in force, are told of with the command that opens them, and not a byte
# of theirs is changed. Our rules come back after somebody has removed all.
. "$TEST_LIB"
# shellcheck source=tests/network.sh
. "$(dirname "$TEST_LIB")/network.sh"

obstacles() { net_run host "$net_probe" obstacles tare0; }
# Rules of all others.
others() { net_run host nft list ruleset | awk '/^table inet tare /{skip = 1} !skip{print} /^}/{skip = 0}'; }

net_world
net_network tare0 5
net_container host tare0 web 10.5.0.2/24 fd00:5::2/64
net_serve web web 80
net_run host "$net_probe" publish 10.5.0.2,fd00:5::2 0.0.0.0:8080:80/tcp '[::]:8080:80/tcp'
assert_eq "$(obstacles)" ""

# As ufw leaves it.
net_run host nft -f - <<'NFT'
table ip filter {
  chain ufw-user-forward { }
  chain ufw-before-forward {
    ct state established,related accept
    jump ufw-user-forward
  }
  chain FORWARD {
    type filter hook forward priority filter; policy drop;
    jump ufw-before-forward
  }
}
NFT
before=$(others)
net_run host "$net_probe" publish 10.5.0.2,fd00:5::2 0.0.0.0:8081:80/tcp '[::]:8081:80/tcp'
net_cannot outside tcp 203.0.113.1 8080
assert_eq "$(net_ask outside tcp 2001:db8::1 8080)" "web sees 2001:db8::9"
assert_contains "$(obstacles)" "ufw (chain FORWARD of table ip filter) stops what is forwarded from and to tare0"
assert_contains "$(obstacles)" "ufw route allow in on tare0 && ufw route allow out on tare0"
# What that command does.
net_run host nft add rule ip filter ufw-user-forward iifname tare0 accept
net_run host nft add rule ip filter ufw-user-forward oifname tare0 accept
assert_eq "$(obstacles)" ""
assert_eq "$(net_ask outside tcp 203.0.113.1 8080)" "web sees 203.0.113.9"
net_run host nft delete table ip filter

# As firewalld leaves it: not a policy, but a last rule.
net_run host nft -f - <<'NFT'
table inet firewalld {
  chain filter_FWD_trusted { accept; }
  chain filter_FORWARD_ZONES { }
  chain filter_FORWARD {
    type filter hook forward priority filter + 10; policy accept;
    ct state { established, related } accept
    ct status dnat accept
    iifname "lo" accept
    ct state invalid drop
    jump filter_FORWARD_ZONES
    reject with icmpx admin-prohibited
  }
}
NFT
net_serve outside outside 7000
net_cannot web tcp 203.0.113.9 7000
assert_contains "$(obstacles)" "firewalld (chain filter_FORWARD of table inet firewalld) stops"
assert_contains "$(obstacles)" "firewall-cmd --zone=trusted --add-interface=tare0"
net_run host nft add rule inet firewalld filter_FORWARD_ZONES iifname tare0 goto filter_FWD_trusted
assert_eq "$(obstacles)" ""
assert_eq "$(net_ask web tcp 203.0.113.9 7000)" "outside sees 203.0.113.1"
net_run host nft delete table inet firewalld

# As Docker leaves iptables, and a rule set of somebody's own.
net_run host nft -f - <<'NFT'
table ip filter {
  chain DOCKER-USER { }
  chain FORWARD {
    type filter hook forward priority filter; policy drop;
    jump DOCKER-USER
  }
}
table inet mine {
  chain through {
    type filter hook forward priority filter; policy accept;
    counter log prefix "no: " drop
  }
}
NFT
assert_contains "$(obstacles)" "iptables -I DOCKER-USER -i tare0 -j ACCEPT && iptables -I DOCKER-USER -o tare0 -j ACCEPT"
assert_contains "$(obstacles)" "nft insert rule inet mine through iifname tare0 accept && nft insert rule inet mine through oifname tare0 accept"
assert_eq "$(obstacles | wc -l)" 2
net_run host nft insert rule inet mine through iifname tare0 accept
net_run host nft delete table ip filter
assert_eq "$(obstacles)" ""

# iptables-legacy, which nf_tables knows nothing of, where there is one.
legacy() { net_run host iptables-legacy "$@"; }
if legacy -P FORWARD DROP 2>/dev/null; then
  assert_contains "$(obstacles)" "iptables-legacy (chain FORWARD of table filter) stops what is forwarded from and to tare0"
  assert_contains "$(obstacles)" "iptables-legacy -I FORWARD -i tare0 -j ACCEPT && iptables-legacy -I FORWARD -o tare0 -j ACCEPT"
  legacy -A FORWARD -i tare00 -j ACCEPT
  assert_eq "$(obstacles | wc -l)" 1
  legacy -I FORWARD -i tare0 -j ACCEPT
  assert_eq "$(obstacles)" ""
  legacy -D FORWARD -i tare0 -j ACCEPT
  legacy -P FORWARD ACCEPT
  assert_eq "$(obstacles)" ""
fi

# All that we do changes nothing of others.
before=$(others)
net_run host nft delete table inet tare
net_run host "$net_probe" ensure
net_run host "$net_probe" restore tare0 10.5.0.0/24 10.5.0.2 0.0.0.0:8080:80/tcp
net_run host "$net_probe" withdraw 10.5.0.2 0.0.0.0:8080:80/tcp
net_run host "$net_probe" remove-network tare0
assert_eq "$(others)" "$before"
