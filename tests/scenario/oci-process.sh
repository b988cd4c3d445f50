# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# What "process" asks for is what the program finds: user, groups, umask, limits, capabilities, scheduler and the like.
# needs: jq
. "$TEST_LIB"
. "$(dirname "$TEST_LIB")/oci.sh"

# User, groups, umask, working directory, environment.
said=$(in_container '.process.user = {uid: 33, gid: 4, additionalGids: [7, 8], umask: 23} | .process.cwd = "/made/here" |
  .process.env = ["PATH=/bin", "A=1"] | .root.readonly = false' 'echo $(id -u) $(id -g) $(id -G) $(umask) $(pwd) $A')
assert_eq "$said" '33 4 4 7 8 0027 /made/here 1'
assert_eq "$(in_container umask)" 0022
refused 'cwd' in_container '.process.cwd = "relative"' true
refused 'cwd' in_container '.process.cwd = ""' true
in_container '.process.cwd = "/etc/passwd"' true 2>/dev/null && fail 'a file as working directory'

# Limits; what the machine does not let us raise stays.
assert_eq "$(in_container '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 100, hard: 200}, {type: "RLIMIT_CORE", soft: 0, hard: 0}]' \
  'ulimit -Sn; ulimit -Hn; ulimit -Hc' | xargs)" '100 200 0'
refused RLIMIT_NONE in_container '.process.rlimits = [{type: "RLIMIT_NONE", soft: 1, hard: 1}]' true
refused rlimits in_container '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 1, hard: 2}, {type: "RLIMIT_NOFILE", soft: 1, hard: 1}]' true
refused rlimits in_container '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 300, hard: 200}]' true

# Capabilities: five sets, each as given. Kill is 5, chown 0, setuid 7, net_bind_service 10.
sets() { sed -n 's/^Cap[A-Z][a-z]*:\t0*\(.*\)/\1/p' | tr '\n' ' '; }
read_sets='grep ^Cap /proc/self/status'
caps='.process.capabilities = {bounding: ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID"], permitted: ["CAP_CHOWN", "CAP_KILL"],
  effective: ["CAP_KILL"], inheritable: [], ambient: []}'
# For root, execve gives what is in the bounding set. [capabilities(7), "Capabilities and execution of programs by root"]
assert_eq "$(in_container "$caps | .process.noNewPrivileges = false" "$read_sets" | sets)" " a1 a1 a1  "
user='.process.user = {uid: 33, gid: 33}'
assert_eq "$(in_container "$caps | $user" "$read_sets" | sets)" '   a1  '
ambient='.process.capabilities = {bounding: ["CAP_KILL", "CAP_CHOWN"], permitted: ["CAP_KILL"], effective: ["CAP_KILL"],
  inheritable: ["CAP_KILL"], ambient: ["CAP_KILL"]}'
assert_eq "$(in_container "$ambient | $user" "$read_sets" | sets)" '20 20 20 21 20 '
# None at all when there is nothing said: nobody gets all by an omission.
assert_eq "$(in_container 'del(.process.capabilities)' "$read_sets" | sets)" '     '
refused CAP_NONE in_container '.process.capabilities.bounding = ["CAP_NONE"]' true
refused KILL in_container '.process.capabilities.bounding = ["KILL"]' true
# What the kernel would refuse is left out, and said.
assert_contains "$(in_container '.process.capabilities = {bounding: [], permitted: [], effective: [], inheritable: [], ambient: ["CAP_KILL"]}' \
  'grep ^CapAmb /proc/self/status' 2>&1)" 'ambient: left out'

# Privileges that execve could give.
privileges="sed -n 's/^NoNewPrivs:.//p' /proc/self/status"
assert_eq "$(in_container '.process.noNewPrivileges = true' "$privileges")" 1
assert_eq "$(in_container '.process.noNewPrivileges = false' "$privileges")" 0
assert_eq "$(in_container 'del(.process.noNewPrivileges)' "$privileges")" 0

# Out of memory, scheduler, I/O, processors, personality.
assert_eq "$(in_container '.process.oomScoreAdj = 321' 'cat /proc/self/oom_score_adj')" 321
refused oomScoreAdj in_container '.process.oomScoreAdj = 2000' true
assert_eq "$(in_container '.process.scheduler = {policy: "SCHED_BATCH", nice: 3}' 'cut -d " " -f 19,41 /proc/self/stat')" '3 3'
refused SCHED_NONE in_container '.process.scheduler = {policy: "SCHED_NONE"}' true
assert_matches "$(in_container '.process.ioPriority = {class: "IOPRIO_CLASS_IDLE", priority: 0}' 'ionice -p $$')" '^idle'
assert_matches "$(in_container '.process.ioPriority = {class: "IOPRIO_CLASS_BE", priority: 5}' 'ionice -p $$')" '^best-effort: prio 5'
refused IOPRIO in_container '.process.ioPriority = {class: "IOPRIO_CLASS_NONE_SUCH", priority: 0}' true
assert_eq "$(in_container '.linux.personality = {domain: "LINUX32"}' 'uname -m')" i686
refused PER_NONE in_container '.linux.personality = {domain: "PER_NONE"}' true
allowed="sed -n 's/^Cpus_allowed_list:.//p' /proc/self/status"
bundle b '.process.execCPUAffinity = {initial: "0", final: "0"}'
oci create -b b "cpu-$$"
oci start "cpu-$$"
assert_eq "$(oci exec "cpu-$$" sh -c "$allowed")" 0
# The first process is not an exec.
assert_eq "$(oci exec "cpu-$$" sed -n 's/^Cpus_allowed_list:.//p' /proc/1/status)" "$(sed -n 's/^Cpus_allowed_list:.//p' /proc/self/status)"
oci delete --force "cpu-$$"
refused execCPUAffinity in_container '.process.execCPUAffinity = {initial: "x"}' true

# Security modules that this kernel has not are no reason to go on without them.
[ -e /sys/module/apparmor ] || refused apparmorProfile in_container '.process.apparmorProfile = "docker-default"' true
[ -e /sys/module/apparmor ] || in_container '.process.apparmorProfile = "unconfined"' true
[ -e /sys/fs/selinux/enforce ] || refused selinuxLabel in_container '.process.selinuxLabel = "system_u:system_r:x_t:s0"' true
nothing_left
