# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# tare-oci where a group has no memory for a start: it says so, is not killed itself and leaves nothing.
# as: root
# needs: jq
. "$TEST_LIB"
. "$(dirname "$TEST_LIB")/oci.sh"

# A group above, whose limit a runtime may not refuse; of version 1 it is in another file.
parent=tare-$$-little
bundle b ".linux.cgroupsPath = \"/$parent/oci-$$\" | .process.args = [\"true\"]"
oci create -b b oci-$$
file=$(find /sys/fs/cgroup -path "*/$parent/memory.limit_in_bytes" -o -path "*/$parent/memory.max" 2>/dev/null | head -n 1 || true)
oci delete --force oci-$$
[ -n "$file" ] || skip 'no memory controller'
group=$(dirname "$file")

failed=0 worked=0
for limit in 40K 60K 80K 100K 160K 220K 280K 340K 400K 600K 1M 2M 4M; do
  for command in create run; do
    # A new one: what an earlier container has left charged may be more than the limit.
    [ ! -d "$group" ] || rmdir "$group"
    mkdir "$group"
    echo $limit >"$file"
    status=0
    timeout 60 tare-oci --root "$STATE" $command -b b oci-$$ >message 2>&1 </dev/null || status=$?
    case $status in
      0) worked=1 ;;
      1)
        failed=1
        grep -q -e 'out of memory' -e ENOMEM message || fail "$command with $limit: $(cat message)"
        ;;
      137) [ $command = run ] || fail "create was killed with $limit" ;;  # The program of the container.
      *) fail "$command: status $status with $limit: $(cat message)" ;;
    esac
    [ $command$status != create0 ] || oci delete --force oci-$$
    assert_eq "$(ls -A "$STATE" 2>/dev/null)" '' "state left by $command with $limit"
    assert_eq "$(groups_left)" '' "groups left by $command with $limit"
  done
done
[ $failed$worked = 11 ] || fail "failed: $failed, worked: $worked"
find /sys/fs/cgroup -depth -type d -name $parent -exec rmdir {} + 2>/dev/null || true  # Those of others come and go.
