# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# as: root
# needs: nft ip nsenter
# A port of the host is taken for whoever publishes it, and who has it is told; ports are found that
# nobody has.
. "$TEST_LIB"
# shellcheck source=tests/network.sh
. "$(dirname "$TEST_LIB")/network.sh"

net_host host
net_addresses host lo 203.0.113.1/32 2001:db8::1/128

# hold HOST-PORT... : until `release`.
hold() {
  coproc HOLD { exec nsenter --net="/proc/${NET_PID[host]}/ns/net" -- "$net_probe" hold "$@" 2>&1; }
  read -r said <&"${HOLD[0]}"
  assert_eq "$said" held
}
release() {
  local pid=$HOLD_PID
  eval "exec ${HOLD[1]}>&-"
  wait "$pid"
}
try() { net_run host "$net_probe" hold "$@" 2>&1 </dev/null; }
is_in_time_wait() { net_run host cat /proc/net/tcp /proc/net/tcp6 | grep -q ':1F90 .* 06 '; }
# Somebody else's server, with SO_REUSEADDR as they all have it.
serve_at() { net_run host "$net_peer" listen "$1" 8080 2>&1; }

for port in 127.0.0.1:8080:80/tcp 203.0.113.1:8080:80/tcp 0.0.0.0:8080:80/tcp 127.0.0.1:8080:80/udp \
  203.0.113.1:8080:80/udp; do
  for kind in "" forwarded; do
    # shellcheck disable=SC2086  # No word for nothing.
    hold "$port" $kind
    # Neither another of us, listening or not, nor anybody else.
    for again in "" forwarded; do
      # shellcheck disable=SC2086
      assert_contains "$(try "$port" $again || true)" "port ${port%:80/*}/${port#*/} is taken already"
    done
    if [[ $port == */tcp ]]; then
      assert_contains "$(serve_at "${port%%:*}" || true)" "Address already in use"
      assert_contains "$(serve_at 0.0.0.0 || true)" "Address already in use"
    fi
    release
    # shellcheck disable=SC2086
    assert_eq "$(try "$port" $kind)" held
  done
done

# Held is not served: nobody answers. The families do not get into each other's way, nor do other
# addresses.
hold 203.0.113.1:8080:80/tcp
assert_contains "$(net_ask host tcp 203.0.113.1 8080 2>&1 || true)" "refused"
assert_eq "$(try '[2001:db8::1]:8080:80/tcp' forwarded)" held
assert_eq "$(try '[::]:8080:80/tcp')" held
assert_eq "$(try 127.0.0.1:8080:80/tcp forwarded)" held
assert_contains "$(try 0.0.0.0:8080:80/tcp || true)" "taken already"
release
hold '[::]:8080:80/udp'
assert_eq "$(try '0.0.0.0:8080:80/udp')" held
release

# Who has it.
net_serve host host 8080
assert_matches "$(try 127.0.0.1:8080:80/tcp || true)" "port 127.0.0.1:8080/tcp is taken already, by 'probe-peer' \(process $net_pid\)"
assert_matches "$(try '[::1]:8080:80/udp' || true)" "port \[::1\]:8080/udp is taken already, by 'probe-peer' \(process $net_pid\)"
assert_contains "$(try 127.0.0.1:8080:80/tcp || true)" "choose another port"
# A connection of before that is in TIME_WAIT at the port does not matter.
assert_eq "$(net_ask host tcp 127.0.0.1 8080)" "host sees 127.0.0.1"
kill "$net_pid"
wait "$net_pid" || true
eventually 5 is_in_time_wait
assert_eq "$(try 127.0.0.1:8080:80/tcp forwarded)" held
assert_eq "$(try 0.0.0.0:8080:80/tcp)" held

# What is no address of the host, and protocols that the kernel may not have.
assert_contains "$(try 192.0.2.7:8080:80/tcp || true)" "'192.0.2.7' is not an address of this host"
assert_matches "$(try 127.0.0.1:8080:80/sctp || true)" "held|no such protocol"

# Ports that are free at all addresses: of three, two are taken.
net_run host sysctl -qw net.ipv4.ip_local_port_range="40000 40002"
hold 0.0.0.0:40000:80/tcp
net_serve host host 40002
assert_eq "$(net_run host "$net_probe" pick tcp 0.0.0.0 ::)" 40001
assert_eq "$(net_run host "$net_probe" pick tcp 127.0.0.1)" 40001
assert_matches "$(net_run host "$net_probe" pick udp 127.0.0.1)" "4000[01]"
net_serve host third 40001
assert_contains "$(net_run host "$net_probe" pick tcp 0.0.0.0 :: 2>&1 || true)" "no port from 40000 to 40002 is free"
release
