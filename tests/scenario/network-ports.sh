# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# as: root
# needs: nft ip nsenter
# Published ports lead into containers from everywhere, and the container sees who asks.
. "$TEST_LIB"
# shellcheck source=tests/network.sh
. "$(dirname "$TEST_LIB")/network.sh"

net_world
net_network tare0 5
net_network tare1 6
net_container host tare0 web 10.5.0.2/24 fd00:5::2/64
net_container host tare0 near 10.5.0.3/24 fd00:5::3/64
net_container host tare1 far 10.6.0.2/24 fd00:6::2/64
net_serve web web 80
net_run host "$net_probe" publish 10.5.0.2,fd00:5::2 0.0.0.0:8080:80/tcp 0.0.0.0:8080:80/udp \
  '[::]:8080:80/tcp' '[::]:8080:80/udp' 203.0.113.1:81:80/tcp

for nf in 1 0; do
  # With and without br_netfilter, which shows the rules what a bridge only passes on.
  net_run host sysctl -qw net.bridge.bridge-nf-call-iptables=$nf net.bridge.bridge-nf-call-ip6tables=$nf
  for protocol in tcp udp; do
    # From another host, with its own address.
    assert_eq "$(net_ask outside $protocol 203.0.113.1 8080)" "web sees 203.0.113.9"
    assert_eq "$(net_ask outside $protocol 2001:db8::1 8080)" "web sees 2001:db8::9"
    # From the host itself.
    assert_eq "$(net_ask host $protocol 203.0.113.1 8080)" "web sees 203.0.113.1"
    assert_eq "$(net_ask host $protocol 2001:db8::1 8080)" "web sees 2001:db8::1"
    # From a container of another network, with its own address; one beside it; and itself.
    assert_eq "$(net_ask far $protocol 203.0.113.1 8080)" "web sees 10.6.0.2"
    assert_eq "$(net_ask far $protocol 2001:db8::1 8080)" "web sees fd00:6::2"
    assert_eq "$(net_ask near $protocol 203.0.113.1 8080)" "web sees 10.5.0.1"
    assert_eq "$(net_ask near $protocol 2001:db8::1 8080)" "web sees fd00:5::1"
    assert_eq "$(net_ask near $protocol 10.5.0.1 8080)" "web sees 10.5.0.1"
    assert_eq "$(net_ask web $protocol 203.0.113.1 8080)" "web sees 10.5.0.1"
    assert_eq "$(net_ask web $protocol 2001:db8::1 8080)" "web sees fd00:5::1"
  done
  # One address of the host only.
  assert_eq "$(net_ask outside tcp 203.0.113.1 81)" "web sees 203.0.113.9"
  net_cannot near tcp 10.5.0.1 81
  # Directly, beside each other, with their own addresses.
  assert_eq "$(net_ask near tcp 10.5.0.2 80)" "web sees 10.5.0.3"
  assert_eq "$(net_ask near udp fd00:5::2 80)" "web sees fd00:5::3"
done

# Out, with the host's address: nobody outside knows the way back to a container.
net_serve outside outside 7000
for protocol in tcp udp; do
  assert_eq "$(net_ask web $protocol 203.0.113.9 7000)" "outside sees 203.0.113.1"
  assert_eq "$(net_ask web $protocol 2001:db8::9 7000)" "outside sees 2001:db8::1"
done

# Withdrawn, nothing is there; what leads elsewhere by then is not withdrawn.
net_run host "$net_probe" publish 10.5.0.3 203.0.113.1:81:80/tcp
net_run host "$net_probe" withdraw 10.5.0.2,fd00:5::2 0.0.0.0:8080:80/tcp '[::]:8080:80/tcp' 203.0.113.1:81:80/tcp
net_cannot outside tcp 203.0.113.1 8080
net_cannot outside tcp 2001:db8::1 8080
assert_contains "$(net_run host "$net_probe" list)" "port 203.0.113.1:81:80/tcp 10.5.0.3"
assert_contains "$(net_ask outside udp 203.0.113.1 8080)" "web sees"
