# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# The network service by itself: records written by hand, "containers" that are a process in a network
# namespace. To be sourced behind lib.sh by a script that runs in a network namespace of its own
# (own_network). Needs: unshare nsenter ip dig ss.

# own_network "$@": once more, in a network namespace that ends with us.
own_network() {
  if [ -z "${NET_INSIDE-}" ]; then
    rm -rf "${TMPDIR:?}"/*
    NET_INSIDE=1 exec unshare --net bash -euo pipefail "$0"
  fi
  ip link set lo up
  mkdir -p "$STORE/networks"
  chmod 700 "$STORE/networks"
  echo "nameserver 127.0.0.1" >"$STORE/networks/resolv.conf"
}

STORE=$TMPDIR/store
NET_PIDS=()
net_tool() {
  local name=$1
  shift
  "$(dirname "$TEST_LIB")/tools/$name" "$@"
}

# id LETTERS: 64 digits that begin with them.
id() { printf '%-64s' "$1" | tr ' ' 0; }

# network NAME ID SUBNET_BASE [MORE_JSON]: 10.1.2 and fd00:10:1:2 for SUBNET_BASE 10.1.2.
network() {
  local dir
  dir=$STORE/networks/$(id "$2")
  mkdir -p "$dir/endpoints"
  printf '{"version":1,"id":"%s","name":"%s","driver":"bridge","device":"br-%s","pools":[{"subnet":"%s.0/24","gateway":"%s.1","taken":{}}%s]%s}' \
    "$(id "$2")" "$1" "$2" "$3" "$3" "${5:+,{\"subnet\":\"$5::/64\",\"gateway\":\"$5::1\",\"taken\":{\}\}}" "${4-}" >"$dir/network.json"
}

# container ID: a process in a network namespace of its own; sets PID_ID.
container() {
  local pid
  unshare --net sh -c 'ip link set lo up && exec sleep 1000' &
  pid=$!
  NET_PIDS+=("$pid")
  eventually 5 is_asleep "$pid"
  declare -g "PID_$1=$pid"
}
is_asleep() { [ "$(cat "/proc/$1/comm")" = sleep ]; }

# endpoint NETWORK_ID CONTAINER_ID NAME ADDRESS [MORE_JSON]: of a container() before.
endpoint() {
  local pid=PID_$2 dir
  dir=$STORE/networks/$(id "$1")/endpoints
  pid=${!pid}
  printf '{"version":1,"network":"%s","container":"%s","name":"%s","v4":"%s","pid":%s,"pidStart":"%s"%s}' \
    "$(id "$1")" "$(id "$2")" "$3" "$4" "$pid" "$(cut -d ' ' -f 22 "/proc/$pid/stat")" "${5-}" >"$dir/.new"
  mv "$dir/.new" "$dir/$(id "$2")"
}

# The service, and how to find its two processes.
start_service() {
  net_tool net-service start "$STORE" "$(command -v tare-net)" &
  wait $!
}
service_pids() { # worker or guard
  local name=tare-net pid
  [ "$1" = worker ] || name=tare-net-guard
  for pid in $(pgrep -x "$name"); do
    if tr '\0' '\n' <"/proc/$pid/cmdline" | grep -qxF "$STORE"; then echo "$pid"; fi
  done
}
service_runs() { [ -n "$(service_pids worker)" ]; }

# serves CONTAINER_ID: sets PORT (udp) and TCP_PORT of its resolver.
serves() {
  local pid=PID_$1
  PORT=$(nsenter -t "${!pid}" --net ss -Hlun 'src 127.0.0.11' | awk '{split($4, a, ":"); print a[2]}' | tail -1)
  TCP_PORT=$(nsenter -t "${!pid}" --net ss -Hltn 'src 127.0.0.11' | awk '{split($4, a, ":"); print a[2]}' | tail -1)
  [ -n "$PORT" ] && [ -n "$TCP_PORT" ]
}

# ask CONTAINER_ID DIG_ARGUMENTS...: as programs do, at port 53, which the service redirects.
ask() {
  local pid=PID_$1
  shift
  nsenter -t "${!pid}" --net dig @127.0.0.11 +tries=1 +time=8 "$@"
}

# The same where nothing is redirected: at PORT and TCP_PORT.
ask_at() {
  local port=$PORT
  [[ " $* " != *" +tcp "* ]] || port=$TCP_PORT
  ask "$@" -p "$port"
}

# A name server of tests/tools on port 53 of an address of ours; its log is $TMPDIR/ns-SERIAL.
name_server() {
  "$(dirname "$TEST_LIB")/tools/name-server" "$1" "$2" >"$TMPDIR/ns-$2" &
  NET_PIDS+=("$!")
  eventually 5 grep -qs listening "$TMPDIR/ns-$2"
}

end_network() {
  local pid
  for pid in $(service_pids guard) $(service_pids worker) "${NET_PIDS[@]}"; do
    kill -9 "$pid" 2>/dev/null || true
  done
  wait 2>/dev/null || true
}

# For the trap: the script's own status stays.
end_all() {
  local status=$?
  set +e
  end_network
  (exit $status)
  clean_up
}
