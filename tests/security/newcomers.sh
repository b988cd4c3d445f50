# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# A container with the host's users, without a capability, whose pid namespace another one joins: its root has all capabilities over the user namespace that the host's root makes for that one, and still cannot reach what runs in there before the container's program.
# as: root userns
# needs: jq
. "$TEST_LIB"
. "$(dirname "$TEST_LIB")/oci.sh"

none='.process.capabilities = {} | .process.args = ["/escape", "newcomers", "control-'$$'"]'
bundle a "$none"
cp "$TEST_PROBES/probe-escape" a/rootfs/escape
oci run -d -b a "a-$$" >said 2>&1 </dev/null
eventually 10 oci_is "a-$$" running
pid=$(oci_pid "a-$$")
ids='[{"containerID": 0, "hostID": 1000, "size": 1000}]'
bundle b ".process.args = [\"true\"] | .linux.uidMappings = $ids | .linux.gidMappings = $ids
  | .linux.namespaces |= map(if .type == \"pid\" then .path = \"/proc/$pid/ns/pid\" else . end) + [{\"type\": \"user\"}]
  | .mounts |= map(select(.destination != \"/proc\" and .destination != \"/sys\" and .type != \"cgroup\"))
  | .linux.maskedPaths = [] | .linux.readonlyPaths = []"
for _ in $(seq 1 40); do oci run -b b "b-$$" >ran 2>&1 </dev/null || fail "the other container does not start: $(cat ran)"; done
oci_is "a-$$" running || fail "the attack worked: $(cat said)"
# What a success looks like: a process with such a name that may be looked into.
mkdir a/rootfs/control-$$
cp "$TEST_CACHE/rootfs/bin/busybox" a/rootfs/control-$$/sleep
oci exec -d "a-$$" /control-$$/sleep 100
eventually 10 oci_is "a-$$" stopped
assert_contains "$(cat said)" worked
oci delete --force "a-$$"
