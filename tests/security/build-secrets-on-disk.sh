# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# Secrets that are given to a RUN, as a file and as a variable, and passwords of proxies, are in no file of the store
# while it runs, nor when the build was killed, nor in what is told of its container or in a keeper's environment; the file
# is on a tmpfs, read-only, for whom it is meant.
# as: root user
. "$TEST_LIB"
image_busybox
mkdir app
printf 'hunter2-is-long' >secret
cat >app/Dockerfile <<'TEXT'
FROM busybox
RUN --mount=type=secret,id=key,env=KEY,target=/run/secrets/key --mount=type=secret,id=key,target=/etc/given,mode=0440,uid=7,gid=8 \
  grep -F ' /run/secrets/key tmpfs ro,' /proc/mounts; stat -c 'file %a %u %g' /etc/given /run/secrets/key; \
  [ "$KEY" = "$(cat /run/secrets/key)" ] && echo "it is $KEY"; ! echo x >/run/secrets/key; echo begun; sleep 1000
TEXT
told() { grep -raFl -e hunter2-is-long -e proxy-password "$TARE_ROOT" "$@" 2>/dev/null || true; }
strike() {
  eventually 20 grep -qE '(s |^)begun$' log
  assert_contains "$(cat log)" "$1"
  id=$(ls "$TARE_ROOT/containers")
  assert_eq "$(told)" '' 'files while it runs'
  assert_lacks "$(tare inspect "$id" 2>&1; tare ps -a --no-trunc)" hunter2
  keeper=$(sed -n 's/^keeper_pid=//p' "$TARE_ROOT/containers/$id/started")
  assert_eq "$(told "/proc/$keeper/environ" "/proc/$keeper/cmdline")" '' "the keeper's environment"
  # What a power cut would leave is what is there now.
  kill -KILL $build "$keeper"
  wait $build 2>/dev/null || true
  assert_eq "$(told)" '' 'files after kill -9'
  eventually 10 not grep -q . <(tare ps -aq; ls "$TARE_ROOT/containers")
}
(exec tare build --network none --progress plain --secret id=key,src=secret --build-arg http_proxy=http://u:proxy-password@p.test app) >log 2>&1 &
build=$!
strike 'it is hunter2-is-long'
assert_contains "$(cat log)" 'file 440 7 8'
assert_contains "$(cat log)" 'file 400 0 0'
assert_contains "$(cat log)" '/run/secrets/key tmpfs ro,'

# In the shell that is opened where it failed.
sed -i 's/echo begun; sleep 1000/exit 3/' app/Dockerfile
mkfifo typed
(exec tare build --network none --progress plain --shell-on-error --secret id=key,src=secret app <typed) >log 2>&1 &
build=$!
exec 7>typed
echo 'echo "again $KEY $(cat /etc/given)"; echo begun; sleep 1000' >&7
strike 'again hunter2-is-long hunter2-is-long'
exec 7>&-
