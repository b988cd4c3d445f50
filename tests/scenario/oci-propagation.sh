# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# Propagation: what is mounted on the host later is seen inside only through slave and shared mounts, and the other way only through shared ones.
# needs: jq
. "$TEST_LIB"
. "$(dirname "$TEST_LIB")/oci.sh"

# A tree of our own that is shared.
mkdir -p tree/below
mount --bind tree tree
mount --make-private tree
mount --make-shared tree
c=propagation-$$
before_clean_up() { umount -l tree/below tree/inside tree 2>/dev/null; }
caps='.process.capabilities[] += ["CAP_SYS_ADMIN"]'
start() {
  bundle b "$caps | .mounts += [{destination: \"/m\", source: \"$PWD/tree\", options: [$1]}]"
  oci create -b b $c
  oci start $c
  mount -t tmpfs tmpfs tree/below
  touch tree/below/seen
}
stop() {
  umount tree/below
  oci delete --force $c
}
mkdir -p tree/inside
for options in '"rbind"' '"rbind", "rprivate"' '"rbind", "private"'; do
  start "$options"
  assert_eq "$(oci exec $c ls /m/below)" '' "below with $options"
  oci exec $c mount -t tmpfs tmpfs /m/inside
  not grep -q "$PWD/tree/inside" /proc/self/mountinfo
  stop
done
for options in '"rbind", "rslave"' '"rbind", "slave"'; do
  start "$options"
  assert_eq "$(oci exec $c ls /m/below)" seen "below with $options"
  oci exec $c mount -t tmpfs tmpfs /m/inside
  not grep -q "$PWD/tree/inside" /proc/self/mountinfo
  stop
done
start '"rbind", "rshared"'
assert_eq "$(oci exec $c ls /m/below)" seen
oci exec $c mount -t tmpfs tmpfs /m/inside
grep -q "$PWD/tree/inside" /proc/self/mountinfo || fail 'a shared mount does not show what is mounted inside'
umount tree/inside
stop
# New file systems get theirs, too.
assert_contains "$(in_container '.mounts += [{destination: "/m", type: "tmpfs", source: "tmpfs", options: ["shared"]}]' \
  'grep " /m " /proc/self/mountinfo')" shared:
assert_contains "$(in_container '.mounts += [{destination: "/m", type: "tmpfs", source: "tmpfs", options: ["unbindable"]}]' \
  'grep " /m " /proc/self/mountinfo')" unbindable

# Of the whole root.
for type in private rprivate '' ; do
  assert_lacks "$(in_container "${type:+.linux.rootfsPropagation = \"$type\"}${type:-.}" 'grep " / / " /proc/self/mountinfo' 2>/dev/null || true)" shared:
done
assert_contains "$(in_container '.linux.rootfsPropagation = "shared"' 'grep " / " /proc/self/mountinfo | head -n 1')" shared:
assert_contains "$(in_container '.linux.rootfsPropagation = "unbindable"' 'grep " / " /proc/self/mountinfo | head -n 1')" unbindable
refused rootfsPropagation in_container '.linux.rootfsPropagation = "sideways"' true
umount tree
nothing_left
