# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# A control group without memory for a start: the start fails and says so, or the program is killed and
# that is said; nothing is left.
# as: root
. "$TEST_LIB"
image_busybox
has_controller memory || skip 'no memory controller'

nothing_of_it() {
  [ -z "$(tare ps -aq)" ] && [ -z "$(find "$TARE_ROOT"/{containers,tmp,trash} -mindepth 1)" ]
}
exits 125 tare run --rm --network none --memory 1m busybox true 2>message
assert_contains "$(cat message)" 'minimum of 6 MB'

# The limit of a group above has no such minimum: from too little for anything to enough. A group of
# version 1 keeps its limit in another file than one of version 2.
parent=tare-$$-little
tare run -d --name probe --network none --cgroup-parent /$parent busybox sleep 1000 >/dev/null
file=$(find /sys/fs/cgroup -path "*/$parent/memory.limit_in_bytes" -o -path "*/$parent/memory.max" 2>/dev/null | head -n 1 || true)
[ -n "$file" ] || fail 'no group above'
tare rm -f probe >/dev/null
failed=0 killed=0 worked=0
for limit in 40K 100K 160K 220K 280K 340K 400K 600K 1M 2M 4M; do
  group=$(dirname "$file")
  # A new one: what an earlier container has left charged may be more than the limit.
  rmdir "$group"
  mkdir "$group"
  echo $limit >"$file"
  status=0
  timeout 60 tare run --rm --network none --cgroup-parent /$parent busybox true >message 2>&1 || status=$?
  case $status in
    0) worked=1 ;;
    125)
      failed=1
      grep -q -e 'out of memory' -e ENOMEM message || fail "with $limit: $(cat message)"
      ;;
    137)
      killed=1
      assert_contains "$(cat message)" 'ran out of memory'
      ;;
    *) fail "status $status with $limit: $(cat message)" ;;
  esac
  eventually 10 nothing_of_it
  assert_eq "$(find /sys/fs/cgroup -mindepth 1 -type d -path "*/$parent/*")" '' "groups left with $limit"
done
[ $failed$worked = 11 ] || fail "failed: $failed, killed: $killed, worked: $worked"
find /sys/fs/cgroup -depth -type d -name $parent -exec rmdir {} + 2>/dev/null || true  # Those of others come and go.
