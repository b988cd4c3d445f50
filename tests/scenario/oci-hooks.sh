# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# The six kinds of hooks: when they run and where, the state that they read, and what their failure does.
# needs: jq
. "$TEST_LIB"
. "$(dirname "$TEST_LIB")/oci.sh"

c=hook-$$
LOG=$PWD/log
cat >hook <<'SH'
#!/bin/sh
# hook LOG NAME: a line of JSON with the state and where this runs.
state=$(cat)
printf '{"hook":"%s","mnt":"%s","net":"%s","pid":"%s","env":"%s","state":%s}\n' "$2" \
  "$(readlink /proc/self/ns/mnt)" "$(readlink /proc/self/ns/net)" "$(readlink /proc/self/ns/pid)" "$HOOKED" "$state" >>"$1"
SH
chmod 755 hook
# startContainer runs in the container, whose files it sees; createContainer sees the host's.
bundle b
cp hook b/rootfs/hook
hook() { jq -n --arg path "$PWD/hook" --arg log "$LOG" --arg name "$1" \
  '{path: $path, args: ["hook", $log, $name], env: ["HOOKED=yes", "PATH=/usr/bin:/bin"]}'; }
jq --argjson prestart "$(hook prestart)" --argjson runtime "$(hook createRuntime)" \
  --argjson container "$(hook createContainer)" --argjson poststart "$(hook poststart)" \
  --argjson poststop "$(hook poststop)" '.hooks = {prestart: [$prestart], createRuntime: [$runtime],
    createContainer: [$container], poststart: [$poststart], poststop: [$poststop],
    startContainer: [{path: "/hook", args: ["hook", "/log", "startContainer"], env: ["HOOKED=yes", "PATH=/bin"]}]} |
  .annotations = {"a.b": "c"}' b/config.json >new
mv new b/config.json
runs b 'readlink /proc/self/ns/mnt >/where; readlink /proc/self/ns/net >>/where; [ -e /log ] && echo behind >>/where; exec sleep 1000'

oci create -b b --pid-file pid $c
assert_eq "$(jq -r .hook "$LOG" | xargs)" 'prestart createRuntime createContainer'
[ ! -e b/rootfs/log ] || fail 'startContainer hooks ran at create'
oci start $c
eventually 5 test -s b/rootfs/where
assert_eq "$(jq -r .hook "$LOG" | xargs)" 'prestart createRuntime createContainer poststart'
eventually 5 grep -q behind b/rootfs/where
pid=$(cat pid)
oci kill $c KILL
eventually 5 oci_is $c stopped
oci delete $c
assert_eq "$(jq -r .hook "$LOG" | xargs)" 'prestart createRuntime createContainer poststart poststop'
cat b/rootfs/log >>"$LOG"
of() { jq -r "select(.hook == \"$1\") | $2" "$LOG"; }
for name in prestart createRuntime createContainer startContainer poststart poststop; do
  assert_eq "$(of $name .state.id)" $c "id told to $name"
  assert_eq "$(of $name .state.bundle)" "$PWD/b"
  assert_eq "$(of $name '.state.annotations["a.b"]')" c
  assert_eq "$(of $name .env)" yes
  [ $name = poststop ] || assert_eq "$(of $name .state.pid)" "$pid" "pid told to $name"
done
assert_eq "$(of createRuntime .state.status)" creating
assert_eq "$(of createContainer .state.status)" creating
assert_eq "$(of startContainer .state.status)" created
assert_eq "$(of poststart .state.status)" running
assert_eq "$(of poststop .state.status)" stopped
# Where they run: the runtime's namespaces, or the container's.
for name in prestart createRuntime poststart poststop; do
  assert_eq "$(of $name .mnt)" "$(readlink /proc/self/ns/mnt)" "mount namespace of $name"
  assert_eq "$(of $name .net)" "$(readlink /proc/self/ns/net)" "network of $name"
done
for name in createContainer startContainer; do
  assert_eq "$(of $name .mnt)" "$(head -1 b/rootfs/where)" "mount namespace of $name"
  assert_eq "$(of $name .net)" "$(sed -n 2p b/rootfs/where)" "network of $name"
done
nothing_left

# The container's mounts can be seen at its root's place by createContainer hooks.
bundle b
jq --arg place "$PWD/b/rootfs" --arg log "$PWD/seen" '.hooks.createContainer = [{path: "/bin/sh", args: ["sh", "-c",
  "ls -d \($place)/proc/self/status \($place)/dev/null >\($log) 2>&1"], env: ["PATH=/bin:/usr/bin"]}]' b/config.json >new
mv new b/config.json
oci create -b b $c
assert_contains "$(cat seen)" /dev/null
oci delete --force $c
nothing_left

# Failures. Before the start they are the end of the container, behind which poststop hooks run. Of
# poststart and poststop they are warnings.
failing() {
  bundle b ".hooks.$1 = [{path: \"/bin/sh\", args: [\"sh\", \"-c\", \"$2\"]${3-}}]"
}
for kind in prestart createRuntime createContainer; do
  failing $kind 'exit 3'
  refused "$kind hook '/bin/sh': it ended with exit status 3" oci create -b b $c
  nothing_left
  refused '3' oci run -b b $c
  nothing_left
  failing $kind 'kill -9 $$'
  refused '9' oci create -b b $c
  nothing_left
  # What it has started ends with it: nobody would, and it holds our standard error.
  failing $kind 'sleep 1000; true' ', timeout: 1'
  begun=$SECONDS
  refused "$kind hook '/bin/sh': it took longer than" oci create -b b $c
  [ $((SECONDS - begun)) -le 5 ] || fail "the timeout of a $kind hook took $((SECONDS - begun)) s"
  nothing_left
  rm -f cleaned
  bundle b ".hooks.$kind = [{path: \"/bin/false\"}] | .hooks.poststop = [{path: \"/bin/sh\", args: [\"sh\", \"-c\", \"cat >$PWD/cleaned\"]}]"
  refused "$kind hook '/bin/false'" oci create -b b $c
  assert_eq "$(jq -r .status cleaned)" stopped "state told to poststop after $kind"
  nothing_left
  bundle b ".hooks.$kind = [{path: \"/no/such/hook\"}]"
  refused /no/such/hook oci create -b b $c
  nothing_left
done
failing startContainer 'exit 3'
oci create -b b $c
oci start $c || true  # It may be gone before the failure.
eventually 5 oci_is $c stopped
oci delete $c
refused "startContainer hook '/bin/sh': it ended with exit status 3" oci run -b b $c
nothing_left
failing startContainer 'sleep 1000; true' ', timeout: 1'
refused "startContainer hook '/bin/sh': it took longer than" oci run -b b $c
nothing_left
for kind in poststart poststop; do
  failing $kind 'exit 3'
  oci create -b b $c
  oci start $c 2>err
  [ $kind = poststop ] || assert_contains "$(cat err)" poststart
  assert_eq "$(oci_status $c)" running
  oci kill $c KILL
  eventually 5 oci_is $c stopped
  oci delete $c 2>err
  [ $kind = poststart ] || assert_contains "$(cat err)" poststop
  nothing_left
done

# The first that fails is the last; poststop hooks all run.
bundle b '.hooks = {createRuntime: [{path: "/bin/true"}, {path: "/bin/false"}, {path: "/bin/sh", args: ["sh", "-c", "echo >third"]}]}'
refused createRuntime oci create -b b $c
[ ! -e b/third ] || fail 'a hook ran behind one that failed'
bundle b '.hooks = {poststop: [{path: "/bin/false"}, {path: "/bin/sh", args: ["sh", "-c", "echo >second"]}]}'
oci create -b b $c
oci delete --force $c 2>err
[ -e b/second ] || fail 'poststop hooks do not all run'
# Not absolute: refused by name.
bundle b '.hooks = {poststop: [{path: "bin/false"}]}'
refused hooks oci create -b b $c
nothing_left
