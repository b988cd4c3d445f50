# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# What a container starts with: capabilities, groups, umask, signals, session and dumpable are set, not inherited.
# needs: jq
. "$TEST_LIB"
image_busybox

umask 077
trap '' USR1 PIPE
probe report '' >seen
for set in cap_inheritable cap_ambient; do assert_eq "$(jq -r .$set seen)" 0000000000000000 $set; done
assert_eq "$(jq -r .cap_permitted seen)" "$(jq -r .cap_bounding seen)"
assert_eq "$(jq -r .no_new_privs seen)" 1
assert_eq "$(jq -r .seccomp seen)" 2
assert_eq "$(jq -r .umask seen)" 0022
assert_eq "$(jq -r '.pid, .sid' seen | tr '\n' ' ')" '1 1 '
assert_eq "$(busybox awk '/^SigIgn/{print $2}' /proc/self/status)" 0000000000000000
for kind in user mnt pid net ipc uts cgroup; do
  [ "$(jq -r .namespaces.$kind seen)" != "$(readlink /proc/self/ns/$kind)" ] || fail "$kind namespace is shared"
done
# The root cannot be walked out of, and no mount of the host shows.
assert_lacks "$(jq -r '.mountinfo[]' seen)" /sys/fs/cgroup/memory/
assert_lacks "$(jq -r '.mountinfo[] | split(" ")[4]' seen)" tare-test
