# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# Documents for programs: spec is a configuration that runs, features names what is true, state and list say the same of a container.
# needs: jq
. "$TEST_LIB"
. "$(dirname "$TEST_LIB")/oci.sh"

# spec.
mkdir empty
tare-oci spec -b empty
version=$(tare-oci --version | sed -n 's/^spec: //p')
assert_eq "$(jq -r '.ociVersion, .root.path, .process.cwd, .process.noNewPrivileges' empty/config.json | xargs)" "$version rootfs / true"
refused exist tare-oci spec -b empty
refused /no/such tare-oci spec -b /no/such
tare-oci spec --rootless -b scratch 2>/dev/null && fail 'a bundle that is not there'
mkdir rootless
tare-oci spec --rootless -b rootless
assert_eq "$(jq '.linux.namespaces | map(.type) | index("user") != null' rootless/config.json)" true
assert_eq "$(jq '.linux.uidMappings[0].containerID, .linux.uidMappings[0].hostID' rootless/config.json | xargs)" "0 $(id -u)"

# features: of its own specification, and each thing that it names is taken.
tare-oci features >can-do
assert_eq "$(jq -r '.ociVersionMin, .ociVersionMax' can-do | xargs)" "1.0.0 $version"
assert_eq "$(jq -r '.hooks | sort | join(" ")' can-do)" 'createContainer createRuntime poststart poststop prestart startContainer'
assert_eq "$(jq -r '.linux.namespaces | sort | join(" ")' can-do)" 'cgroup ipc mount network pid time user uts'
assert_eq "$(jq '.linux.capabilities | index("CAP_SYS_ADMIN") != null' can-do)" true
assert_eq "$(jq '.linux.seccomp.enabled' can-do)" true
assert_eq "$(jq -r '.mountOptions | index("remount")' can-do)" null
in_container "$(jq -r '"[\(.linux.capabilities | map("\"" + . + "\"") | join(","))] as $all | .process.capabilities.bounding = $all"' can-do)" true
in_container "$(jq -r '.linux.seccomp | "[\(.actions | map(select(. != "SCMP_ACT_NOTIFY")) | map("{names: [\"acct\"], action: \"\(.)\"}") | join(","))] as $all |
  .linux.seccomp = {defaultAction: \"SCMP_ACT_ALLOW\", architectures: [\(.archs | map("\"" + . + "\"") | join(","))], syscalls: [$all[0]]}"' can-do)" true
# Propagation by name has to be the same for what is below; those with a value of the file system are not for tmpfs.
for option in $(jq -r '.mountOptions[] | select(IN("bind", "rbind", "idmap", "ridmap", "mand", "dirsync", "sync", "lazytime", "iversion", "async") | not)' can-do); do
  echo "{destination: \"/m/$option\", type: \"tmpfs\", source: \"tmpfs\", options: [\"$option\"]}"
done | paste -sd , >mounts
in_container ".mounts += [$(cat mounts)]" 'ls /m >/dev/null'

# state and list.
c=document-$$
bundle b '.annotations = {"org.example.a": "one\n\"two\""}'
assert_eq "$(oci list)" "$(oci list --format table)"
assert_eq "$(oci list --format json)" '[]'
assert_eq "$(oci list -q)" ''
refused 'does not exist' oci state $c
refused nowhere oci list --format nowhere
oci create -b b $c
oci state $c >said
assert_eq "$(jq -r '.ociVersion, .id, .status, .bundle' said | xargs)" "$version $c created $PWD/b"
assert_eq "$(jq -c .annotations said)" '{"org.example.a":"one\n\"two\""}'
assert_eq "$(cut -d ' ' -f 1 "/proc/$(jq .pid said)/stat")" "$(jq .pid said)"
oci start $c
oci list --format json >listed
assert_eq "$(jq length listed)" 1
for member in id pid status bundle; do
  assert_eq "$(jq ".[0].$member" listed)" "$(oci state $c | jq ".$member")" "$member"
done
assert_eq "$(oci list -q)" $c
assert_matches "$(oci list | tail -n 1)" "^$c +$(jq '.[0].pid' listed) +running +$PWD/b +20..-..-..T"
oci kill $c KILL
eventually 5 oci_is $c stopped
assert_eq "$(oci state $c | jq '.pid // 0')" 0
oci delete $c
nothing_left
