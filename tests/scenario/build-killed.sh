# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2030,SC2031,SC2317
# kill -9 of a build, at points of its way and while each kind of program runs for it: what it has started ends at
# once, nothing of it stays, and the next build finds whole steps or does them.
# as: root user
. "$TEST_LIB"
image_busybox
mkdir app
echo file >app/file
cat >app/Dockerfile <<'TEXT'
FROM busybox
COPY file /file
RUN cat /file >/copy
WORKDIR /here
TEXT
# Whatever touches the store next takes away what is left.
clean() {
  tare images >/dev/null || return 1
  [ -z "$(ls -A "$TARE_ROOT/tmp")$(ls -A "$TARE_ROOT/trash")$(ls -A "$TARE_ROOT/containers")" ] && [ ! -e "$TARE_ROOT/steps/unsynced" ]
}
steps() { find "$TARE_ROOT/steps" -name '*.json' | wc -l; }
killed_at() {
  rm -f "$TMPDIR/hit"
  (
    export TARE_FAILPOINT=$1 TARE_FAILPOINT_HIT=$TMPDIR/hit PATH=$TEST_FAILPOINTS:$PATH
    timeout 30 tare build -q --network none "${@:2}" app
    exit $?
  ) >"$TMPDIR/out" 2>&1 || true
  [ -e "$TMPDIR/hit" ] || fail "$1 is not reached: $(cat "$TMPDIR/out")"
  eventually 10 clean
}
first=$(tare build -q --network none app)
tare rmi "$first" >/dev/null
tare builder prune -af >/dev/null
killed_at build.step
tare build --network none -t app app 2>log || fail "$(cat log)"
assert_contains "$(cat log)" '1 of 3 steps were there'
assert_eq "$(tare inspect --format '{{.Id}}' app)" "$first"

# The steps of a second build, which is only compared, are nobody's.
before=$(steps)
killed_at build.step --check-reproducible
assert_eq "$(steps)" "$before" steps

printf 'FROM busybox\nRUN sleep %s\n' "$((100000 + $$))" >app/Dockerfile
for point in create.ids create.recorded start.locked start.mounted start.forked; do
  killed_at $point
  not pgrep -f "^sleep $((100000 + $$))" >/dev/null
done

# begun: builds in the background and kills that when its program runs, which would go on for a day.
mark=0
begin() {
  mark=$((mark + 1))
  number=$((1000000 + $$ * 100 + mark))
  sed -i "s/NUMBER/$number/" app/Dockerfile
  (exec tare build --progress plain "$@" app) >log 2>&1 &
  build=$!
}
ended() { ! pgrep -f "sleep $number" >/dev/null; }
strike() {
  kill -KILL $build
  wait $build 2>/dev/null || true
  eventually 3 ended
  eventually 10 clean
}
runs() { pgrep -f "sleep $number" >/dev/null; }

for mounts in '' '--tools=busybox --mount=type=cache,target=/cache --mount=type=tmpfs,target=/memory'; do
  printf 'FROM busybox\nRUN %s (sleep NUMBER & trap "" TERM HUP INT; echo begun; sleep NUMBER)\nRUN touch /after\n' "$mounts" >app/Dockerfile
  sed -i "s/NUMBER/$((1000000 + $$ * 100 + mark + 1))/g" app/Dockerfile
  begin --network none
  eventually 20 grep -q 's begun' log
  strike
done
# What it has for itself of a cache goes, too.
printf 'FROM busybox\nRUN --mount=type=cache,target=/cache touch /cache/x\n' >app/Dockerfile
tare build -q --network none app >/dev/null
volumes=$(ls "$TARE_ROOT/volumes")
printf 'FROM busybox\nRUN --mount=type=cache,target=/cache echo begun; sleep NUMBER\n' >app/Dockerfile
sed -i "s/NUMBER/$((1000000 + $$ * 100 + mark + 1))/g" app/Dockerfile
sed -i "s#touch /cache/x#echo begun; sleep $((1000000 + $$ * 100 + mark + 1))#" app/Dockerfile.lock
begin --network none --locked
eventually 20 grep -q 's begun' log
[ "$(ls "$TARE_ROOT/volumes")" != "$volumes" ] || fail 'it has no cache for itself'
strike
assert_eq "$(ls "$TARE_ROOT/volumes")" "$volumes" volumes
# Also of one that was killed before it had a container.
killed_at volume.named --locked
assert_eq "$(ls "$TARE_ROOT/volumes")" "$volumes" volumes
rm app/Dockerfile.lock
# A shell in the state of a line.
printf 'FROM busybox\nRUN true\n' >app/Dockerfile
number=$((1000000 + $$ * 100 + 99))
mkfifo typed
(exec tare build --network none --progress quiet --at 2 app <typed) >log 2>&1 &
build=$!
exec 7>typed
echo "sleep $number" >&7
eventually 20 runs
strike
exec 7>&-
# A repository whose server never answers, and what git has started for that.
python3 -c 'import socket
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
while True: k = s.accept()[0]; print("asked", flush=True); globals().setdefault("kept", []).append(k)' >server &
server=$!
eventually 10 test -s server
url=http://127.0.0.1:$(head -1 server)/never.git
printf 'FROM busybox\nADD %s /x\n' "$url" >app/Dockerfile
begin --network none
number="$url"
ended() { ! pgrep -f "$url" >/dev/null; }
eventually 20 grep -q asked server
pgrep -f "remote-http.*$url" >/dev/null || fail 'there is no git to be ended'
strike
kill $server
# This machine's ansible.
if command -v ansible-playbook >/dev/null; then
  number=$((1000000 + $$ * 100 + 98))
  ended() { ! pgrep -f "sleep $number" >/dev/null && ! pgrep -f "ansible-playbook.*play-$number" >/dev/null; }
  printf -- "- hosts: all\n  gather_facts: false\n  tasks:\n  - raw: true {{ lookup('pipe', 'setsid sleep %s') }}\n" $number >app/play-$number.yml
  printf 'FROM busybox\nRUN --ansible=play-%s.yml\n' $number >app/Dockerfile
  (exec tare build --network none --allow host.ansible --progress plain app) >log 2>&1 &
  build=$!
  eventually 20 runs
  strike
fi
printf 'FROM busybox\nRUN touch /after\n' >app/Dockerfile
tare build -q --network none -t again app >/dev/null
tare run --rm --network none again test -e /after
