# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# Mounts of a configuration: bind mounts and their options, new file systems, links of the image, masked and read-only paths, devices.
# needs: jq
. "$TEST_LIB"
. "$(dirname "$TEST_LIB")/oci.sh"

mkdir -p shared/below
echo outside >shared/file
chmod 777 shared shared/below
# mounted MOUNT SCRIPT: what the script says with this mount (without its destination /m).
mounted() { in_container ".mounts += [{destination: \"/m\"} + $1]" "$2"; }
bind() { mounted "{type: \"bind\", source: \"$PWD/shared\", options: [$1]}" "$2"; }
options='awk "\$5 == \"/m\" {print \$6}" /proc/self/mountinfo'

assert_eq "$(bind '"bind"' 'cat /m/file; echo x >/m/new && echo written' | xargs)" 'outside written'
assert_eq "$(bind '"bind", "ro"' 'cat /m/file; echo x >/m/other 2>/dev/null || echo refused' | xargs)" 'outside refused'
assert_contains "$(bind '"bind", "nosuid", "nodev", "noexec"' "$options")" nosuid,nodev,noexec
# In a user namespace the host's choice is locked. [mount_namespaces(7), "Restrictions on mount namespaces"]
if [ "$TEST_AS" = root ]; then
  assert_contains "$(bind '"bind", "noatime"' "$options")" noatime
else
  refused /m bind '"bind", "noatime"' true
fi
assert_eq "$(mounted "{source: \"$PWD/shared\", options: [\"rbind\"]}" 'cat /m/file')" outside
assert_eq "$(mounted '{type: "bind", source: "../shared", options: ["bind"]}' 'cat /m/file')" outside  # From the bundle.
assert_eq "$(in_container ".mounts += [{destination: \"/etc/hosts\", source: \"$PWD/shared/file\", options: [\"bind\", \"ro\"]}]" 'cat /etc/hosts')" outside
assert_eq "$(in_container ".mounts += [{destination: \"/deep/er/place\", source: \"$PWD/shared/file\", options: [\"bind\"]}]" 'cat /deep/er/place')" outside
refused /no/such mounted '{type: "bind", source: "/no/such", options: ["bind"]}' true
refused remount bind '"bind", "remount"' true
refused nosuchtype mounted '{type: "nosuchtype", source: "x"}' true
# What says nothing about a bind mount is said to say nothing.
assert_contains "$(bind '"bind", "nosuchoption"' 'cat /m/file' 2>&1)" "'nosuchoption' means nothing"
refused type mounted '{source: "x"}' true

# What is below it, with "r" and without; in a user namespace, the host's locks stay.
mount -t tmpfs tmpfs shared/below
touch shared/below/inner
assert_eq "$(bind '"bind"' 'ls /m/below')" ''
assert_eq "$(bind '"rbind"' 'ls /m/below')" inner
assert_eq "$(bind '"rbind", "ro"' 'touch /m/below/x && echo written')" written
assert_eq "$(bind '"rbind", "rro"' 'touch /m/below/y 2>/dev/null || echo refused; touch /m/y 2>/dev/null || echo refused' | xargs)" 'refused refused'
below='awk "\$5 == \"/m/below\" {print \$6}" /proc/self/mountinfo'
assert_contains "$(bind '"rbind", "rnosuid", "rnoexec", "rnodev"' "$below")" nosuid,nodev,noexec
assert_lacks "$(bind '"rbind", "nosuid"' "$below")" nosuid
umount shared/below

# New file systems.
assert_eq "$(mounted '{type: "tmpfs", source: "name", options: ["size=64k", "mode=0751", "nosuid"]}' \
  'stat -c %a /m; awk "\$2 == \"/m\" {print \$1}" /proc/mounts; df -k /m | awk "NR == 2 {print \$2}"' | xargs)" '751 name 64'
assert_eq "$(in_container '.mounts += [{destination: "/etc", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup"]}]' \
  'cat /etc/os-release; touch /etc/new; echo x >/etc/passwd')" "$(cat "$TEST_CACHE/rootfs/etc/os-release")"
[ ! -e scratch/rootfs/etc/new ] || fail 'tmpcopyup wrote into the root'
assert_eq "$(in_container '.mounts += [{destination: "/var", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup", "ro"]}]' \
  'ls /var; touch /var/x 2>/dev/null || echo refused' | xargs)" 'log tmp www refused'
assert_eq "$(mounted '{type: "mqueue", source: "mqueue"}' 'stat -f -c %T /m')" "$(in_container 'stat -f -c %T /dev/mqueue')"

# Order, and places that are links of the image: they are followed inside.
rm -rf scratch
bundle scratch
mkdir -p outside
rm -rf scratch/rootfs/srv
ln -s "$PWD/outside" scratch/rootfs/srv
ln -s /home scratch/rootfs/link
ln -s ../../../../../../../home scratch/rootfs/up
assert_eq "$(in_container ".mounts += [{destination: \"/srv\", source: \"$PWD/shared\", options: [\"bind\"]},
  {destination: \"/link\", source: \"$PWD/shared\", options: [\"bind\"]}, {destination: \"/up/file\", source: \"$PWD/shared/file\", options: [\"bind\"]}]" \
  "cat $PWD/outside/file /home/file")" $'outside\noutside'
assert_eq "$(ls outside)" ''
rm -rf scratch

# The root, masked and read-only paths.
assert_eq "$(in_container '.root.readonly = true' 'touch /x 2>/dev/null || echo refused; touch /dev/x && echo dev' | xargs)" 'refused dev'
assert_eq "$(in_container '.linux.maskedPaths = ["/etc/passwd", "/home", "/not/there"] | .linux.readonlyPaths = ["/var", "/nor/this"]' \
  'cat /etc/passwd; ls -A /home; touch /home/x 2>/dev/null || echo refused; touch /var/x 2>/dev/null || echo refused; test -e /not || echo absent' | xargs)" 'refused refused absent'
refused maskedPaths in_container '.linux.maskedPaths = ["etc"]' true || true

# Devices, as far as this user may make them: in a user namespace they are the host's.
devices='.linux.devices = [{path: "/dev/pipe", type: "p", fileMode: 420, uid: 0, gid: 0}, {path: "/dev/null", type: "c", major: 1, minor: 3, fileMode: 438}]'
assert_eq "$(in_container "$devices" 'stat -c "%F %a" /dev/pipe; for d in null zero full random urandom tty; do stat -c "%t:%T" /dev/$d; done; for l in fd stdin ptmx; do readlink /dev/$l; done' | xargs)" \
  'fifo 644 1:3 1:5 1:7 1:8 1:9 5:0 /proc/self/fd /proc/self/fd/0 pts/ptmx'
if [ "$TEST_AS" = root ]; then
  assert_eq "$(in_container '.linux.devices = [{path: "/dev/deep/mine", type: "c", major: 1, minor: 5, fileMode: 384, uid: 5, gid: 6}]' \
    'stat -c "%t:%T %a %u %g" /dev/deep/mine')" '1:5 600 5 6'
fi
refused 'devices' in_container '.linux.devices = [{path: "/dev/x", type: "z", major: 1, minor: 5}]' true
refused 'devices' in_container '.linux.devices = [{path: "dev/x", type: "c", major: 1, minor: 5}]' true
nothing_left
