# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# exec joins with the same protections as the first process.
# needs: jq
. "$TEST_LIB"
image_busybox

tare run -d --name web --network none -v "$TEST_PROBES/probe-report:/report:ro" \
  -v "$TEST_PROBES/probe-attack:/attack:ro" busybox sleep 1000 >/dev/null
tare exec web /report >inside
assert_eq "$(jq -r .no_new_privs inside)" 1
assert_eq "$(jq -r .seccomp inside)" 2
assert_eq "$(jq -r .cap_effective inside)" "$(tare exec web awk '/^CapEff/{print $2}' /proc/1/status)"
assert_eq "$(jq -r .cap_inheritable inside)" 0000000000000000
for kind in user mnt pid net ipc uts cgroup; do
  assert_eq "$(jq -r .namespaces.$kind inside)" "$(tare exec web readlink /proc/1/ns/$kind)" "$kind namespace"
done
assert_eq "$(jq -c '.cgroup | map(split(":")[2]) | unique' inside)" '["/"]'
for attack in userns mount keyctl bpf tiocsti; do not tare exec web /attack $attack; done
