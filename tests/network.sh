# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2034
# Hosts as network namespaces, for scripts about networks:  . "$(dirname "$TEST_LIB")/network.sh"
# A host is a process that sleeps in a namespace of its own, so that nothing is left when it is gone;
# the machine's own devices, routes and rules are not touched.

declare -A NET_PID
net_probe=$TEST_PROBES/probe-network
net_peer=$TEST_PROBES/probe-peer

# net_run HOST COMMAND...: in that host's network namespace.
net_run() {
  local pid=${NET_PID[$1]}
  shift
  nsenter --net="/proc/$pid/ns/net" -- "$@"
}
net_is_apart() { [ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/self/ns/net)" ]; }
net_is_said() { grep -q "$2" "$1"; }

# net_host NAME: a host without any device but loopback.
net_host() {
  unshare --net sleep infinity &
  NET_PID[$1]=$!
  eventually 5 net_is_apart $!
  net_run "$1" ip link set lo up
}

# net_addresses HOST DEVICE ADDRESS/PREFIX...: gives them, and sets the device up.
net_addresses() {
  local host=$1 device=$2 address
  shift 2
  for address in "$@"; do
    case $address in
      *:*) net_run "$host" ip -6 address add "$address" dev "$device" nodad ;;
      *) net_run "$host" ip -4 address add "$address" dev "$device" ;;
    esac
  done
  net_run "$host" ip link set "$device" up
}

# net_link HOST DEVICE OTHER DEVICE: a cable.
net_link() {
  net_run "$1" ip link add "$2" type veth peer name "$4" netns "${NET_PID[$3]}"
}

# net_bridge HOST BRIDGE ADDRESS/PREFIX...: the host routes between its devices from then on.
net_bridge() {
  local host=$1 bridge=$2
  shift 2
  net_run "$host" ip link add "$bridge" type bridge
  # As our bridges have it: a router without a link-local address asks for no neighbour, and the
  # kernel's own is looked for twice for a second or two first.
  net_run "$host" ip -6 address add fe80::1/64 dev "$bridge" nodad
  net_addresses "$host" "$bridge" "$@"
  net_run "$host" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
}

# net_container HOST BRIDGE NAME ADDRESS/PREFIX...: as Tare connects one: eth0, and default routes over
# the bridge's addresses.
net_container() {
  local host=$1 bridge=$2 name=$3 gateway
  shift 3
  net_host "$name"
  net_link "$host" "v$name" "$name" eth0
  net_run "$host" ip link set "v$name" master "$bridge" up
  net_run "$host" bridge link set dev "v$name" hairpin on
  net_run "$name" ip link set eth0 addrgenmode none
  net_addresses "$name" eth0 "$@"
  for gateway in $(net_run "$host" ip -o address show dev "$bridge" scope global | awk '{sub(/\/.*/, "", $4); print $4}'); do
    case $gateway in
      *:*) [[ $* != *:* ]] || net_run "$name" ip -6 route add default via "$gateway" ;;
      *) net_run "$name" ip -4 route add default via "$gateway" ;;
    esac
  done
}

# net_start HOST WORD COMMAND...: in the background, its output in $TMPDIR/net-N; returns when it has
# said WORD. $! is its process.
net_start() {
  local host=$1 word=$2 out
  shift 2
  out=$(mktemp "$TMPDIR/net-XXXXXX")
  # Not net_run, which would be a shell between it and us.
  nsenter --net="/proc/${NET_PID[$host]}/ns/net" -- "$@" >"$out" 2>&1 &
  net_out=$out
  net_pid=$!
  eventually 10 net_is_said "$out" "$word"
}
# net_serve HOST NAME PORT [ADDRESS]: answers "NAME sees ADDRESS", TCP and UDP, at all addresses or at
# one of IPv6 ("::ffff:" before those of IPv4).
net_serve() { net_start "$1" ready "$net_peer" serve "${@:2}"; }
# net_ask HOST tcp|udp ADDRESS PORT [MILLISECONDS]
net_ask() {
  local host=$1
  shift
  net_run "$host" "$net_peer" ask "$@"
}
# net_cannot HOST tcp|udp ADDRESS PORT: no answer, whatever the reason.
net_cannot() {
  local answer
  if answer=$(net_ask "$@" 100 2>/dev/null); then fail "should not be reached: $*: $answer"; fi
}

# The usual host: `host` with eth0 at 203.0.113.1 and 2001:db8::1, its neighbour `outside` at .9 and
# ::9, which knows no way to containers, and our rules.
net_world() {
  net_host host
  net_host outside
  net_link host eth0 outside eth0
  net_addresses host eth0 203.0.113.1/24 2001:db8::1/64
  net_addresses outside eth0 203.0.113.9/24 2001:db8::9/64
  net_run host "$net_probe" ensure >/dev/null
}
# net_network BRIDGE NUMBER [internal] [isolated]: 10.NUMBER.0.0/24 and fd00:NUMBER::/64 at `host`.
net_network() {
  local bridge=$1 number=$2
  shift 2
  net_bridge host "$bridge" "10.$number.0.1/24" "fd00:$number::1/64"
  net_run host "$net_probe" add-network "$bridge" "$@" "10.$number.0.0/24" "fd00:$number::/64"
}

# Called by clean_up: all that the script has started in the background ends, coprocesses too.
net_clean() {
  local pids
  pids=$(jobs -p)
  # shellcheck disable=SC2086  # Numbers.
  [ -z "$pids" ] || kill $pids 2>/dev/null || true
  wait
}
