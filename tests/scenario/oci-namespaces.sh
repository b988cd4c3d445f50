# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# Namespaces: new, the caller's, and joined by their path, of every kind; host and domain name, time offsets and sysctls in them.
# needs: jq
. "$TEST_LIB"
. "$(dirname "$TEST_LIB")/oci.sh"

all='for n in pid net ipc uts mnt cgroup time user; do echo $n $(readlink /proc/self/ns/$n); done'
for n in pid net ipc uts mnt cgroup time user; do echo "$n $(readlink /proc/self/ns/$n)"; done >ours
in_container "$all" >new
for n in pid net ipc uts mnt cgroup; do
  assert_lacks "$(grep "^$n " new)" "$(grep "^$n " ours | cut -d ' ' -f 2)"
done
for n in time user; do assert_eq "$(grep "^$n " new)" "$(grep "^$n " ours)"; done

# The caller's where nothing is said.
# The queues of a namespace that is not ours to mount are left out, as are the files of a network.
without() {
  in_container ".linux.namespaces |= map(select(.type != \"$1\")) | del(.hostname) |
    .mounts |= map(select((.type != \"mqueue\" or \"$1\" != \"ipc\") and (.type != \"sysfs\" or \"$1\" != \"network\")))" "readlink /proc/self/ns/$2"
}
for pair in 'network net' 'ipc ipc' 'uts uts' 'cgroup cgroup'; do
  # shellcheck disable=SC2086  # Words.
  assert_eq "$(without $pair)" "$(readlink /proc/self/ns/${pair#* })" "the caller's $pair"
done
# In a user namespace nobody gets a new /proc for the pids of another.
assert_eq "$(in_container '.linux.namespaces |= map(select(.type != "pid")) | .linux.maskedPaths = [] | .linux.readonlyPaths = [] |
  .mounts |= map(if .type == "proc" then {destination: "/proc", source: "/proc", options: ["rbind"]} else . end)' 'readlink /proc/self/ns/pid')" "$(readlink /proc/self/ns/pid)"

# Joined by path.
c=joined-$$
bundle b '.linux.namespaces += [{type: "time"}] | .linux.timeOffsets = {boottime: {secs: 5000000}, monotonic: {secs: 100, nanosecs: 5}}'
oci create -b b $c
oci start $c
pid=$(oci_pid $c)
for pair in 'network net' 'ipc ipc' 'uts uts' 'pid pid' 'cgroup cgroup' 'time time'; do
  # shellcheck disable=SC2086  # Words.
  set -- $pair
  said=$(in_container "del(.hostname) | .linux.namespaces |= (map(select(.type != \"$1\")) + [{type: \"$1\", path: \"/proc/$pid/ns/$2\"}])" \
    "readlink /proc/self/ns/$2") || fail "join $1"
  assert_eq "$said" "$(readlink "/proc/$pid/ns/$2")" "joined $1"
done
[ "$(cut -d . -f 1 /proc/uptime)" -lt 4000000 ] || skip 'a host with 50 days of uptime'
[ "$(oci exec $c cut -d . -f 1 /proc/uptime)" -gt 5000000 ] || fail 'the boot time is not moved'
refused 'not a net' in_container ".linux.namespaces |= map(if .type == \"network\" then .path = \"/proc/$pid/ns/uts\" else . end)" true
refused /no/such in_container '.linux.namespaces |= map(if .type == "network" then .path = "/no/such" else . end)' true
refused namespaces in_container '.linux.namespaces += [{type: "network"}]' true
refused 'strange' in_container '.linux.namespaces += [{type: "strange"}]' true
oci delete --force $c

# A user namespace of its own, and one that is joined.
map='.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 1000, size: 1000}] |
  .linux.gidMappings = [{containerID: 0, hostID: 2000, size: 1000}]'
bundle b "$map"
oci create -b b $c
oci start $c
pid=$(oci_pid $c)
assert_eq "$(oci exec $c sh -c 'id -u; cat /proc/self/uid_map' | xargs)" '0 0 1000 1000'
said=$(in_container ".linux.namespaces += [{type: \"user\", path: \"/proc/$pid/ns/user\"}]" 'readlink /proc/self/ns/user; cat /proc/self/uid_map' | xargs)
assert_eq "$said" "$(readlink "/proc/$pid/ns/user") 0 1000 1000"
oci delete --force $c
refused Mappings in_container '.linux.namespaces += [{type: "user"}]' true
refused mappings in_container '.linux.uidMappings = [{containerID: 0, hostID: 1000, size: 1000}]' true

# Names and kernel parameters belong to a namespace, or are the host's and refused.
assert_eq "$(in_container '.hostname = "here" | .domainname = "example.org"' 'hostname; cat /proc/sys/kernel/domainname' | xargs)" 'here example.org'
refused hostname in_container '.linux.namespaces |= map(select(.type != "uts")) | .hostname = "here"' true
before=$(hostname)
assert_eq "$(in_container '.linux.sysctl = {"net.ipv4.ip_forward": "1", "kernel.msgmax": "4096", "net/ipv4/conf/lo/forwarding": "1"}' \
  'cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax /proc/sys/net/ipv4/conf/lo/forwarding' | xargs)" '1 4096 1'
assert_eq "$(in_container '.linux.sysctl = {"net.ipv4.conf.lo.forwarding": "1"}' 'cat /proc/sys/net/ipv4/conf/lo/forwarding')" 1
for name in kernel.pid_max kernel.core_pattern vm.swappiness fs.file-max kernel.hostname net.ipv4.. 'net.ipv4/../../kernel/core_pattern' no.such; do
  refused sysctl in_container ".linux.sysctl = {\"$name\": \"1\"}" true
done
refused sysctl in_container '.linux.namespaces |= map(select(.type != "network")) | .linux.sysctl = {"net.ipv4.ip_forward": "1"}' true
refused sysctl in_container '.linux.namespaces |= map(select(.type != "ipc")) | .linux.sysctl = {"kernel.msgmax": "4096"}' true
assert_eq "$(hostname)" "$before"

# Mount namespaces: joined by path, and none, which is a tree that only the container sees.
bundle b
oci create -b b $c
oci start $c
pid=$(oci_pid $c)
assert_eq "$(in_container ".linux.namespaces |= map(if .type == \"mount\" then .path = \"/proc/$pid/ns/mnt\" else . end) | .mounts = [{destination: \"/proc\", type: \"proc\", source: \"proc\"}] | .linux.maskedPaths = [] | .linux.readonlyPaths = []" \
  'readlink /proc/self/ns/mnt' || true)" "$(readlink "/proc/$pid/ns/mnt")" 'joined mount namespace'
oci delete --force $c
nothing_left
