# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# With the grants host-users and host-ids root of the container owns the programs tare, tare-keeper and tare-init: none of them can be overwritten or opened for writing from within.
. "$TEST_LIB"

mkdir own shared
cp "$(dirname "$(command -v tare)")"/tare* own/
# Also by who is root of the container, or the test would prove the permissions of the file.
chmod 777 own/*
before=$(sha256sum own/tare*)
intact() { assert_eq "$(sha256sum own/tare*)" "$before" "programs after $1"; }
printf '#!/proc/self/exe version\n' >shared/evil
ln -s /proc/self/exe shared/link
cp "$TEST_PROBES/probe-attack" shared/attack
cp "$TEST_PROBES/probe-report" shared/victim
chmod 755 shared
chmod 777 shared/{evil,attack,victim}
image_busybox

# writable PATH...: tries to write to what is there, and says which it could open.
cat >shared/writable <<'SH'
for path; do
  if (: >>"$path") 2>/dev/null || (: <>"$path") 2>/dev/null; then echo "opened $path"; fi
done
SH
for grant in host-users host-ids; do
  flags=(--userns host)
  [ $grant = host-users ] || flags=(--userns 'auto:uidmapping=0:0:1,gidmapping=0:0:1')
  start() { "$1" run -d --name web --network none "${flags[@]}" -v "$PWD/shared:/shared" "${@:2}" >/dev/null; }

  # What a success looks like: it does overwrite a program that it may write to.
  start tare busybox /shared/attack exe
  assert_contains "$(tare ps --grants)" $grant
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    tare exec web /shared/victim >/dev/null 2>&1 || true
    [ "$(tare inspect --format '{{.State.Status}}' web)" = running ] || break
  done
  eventually 10 status_is web exited
  assert_eq "$(head -c 11 shared/victim)" overwritten "victim with $grant"
  tare rm web >/dev/null
  cp "$TEST_PROBES/probe-report" shared/victim

  start own/tare busybox /shared/attack exe
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    for program in /shared/evil /shared/link /proc/self/exe; do
      own/tare exec web $program version >/dev/null 2>&1 || true
    done
    own/tare exec -d web /shared/link version >/dev/null 2>&1 || true
    intact "exec with $grant"
  done
  status_is web running || fail "the attack worked with $grant: $(tare logs web)"
  own/tare rm -f web >/dev/null
  for program in /shared/evil /shared/link /proc/self/exe; do
    own/tare run --rm --network none "${flags[@]}" -v "$PWD/shared:/shared" busybox $program version >/dev/null 2>&1 || true
    intact "run of $program with $grant"
  done

  # The init program stays in the container, and the keeper is seen with the host's processes, which
  # are only for who has control groups.
  seen=private
  [ "$TEST_AS" != root ] || seen=host
  start own/tare --init --pid $seen busybox sleep 1000
  pid=$(tare inspect --format '{{.State.Pid}}' web)
  keeper=$(awk '/^PPid/{print $2}' "/proc/$pid/status")
  inside=$pid
  [ $seen = host ] || inside=1
  assert_contains "$(readlink "/proc/$keeper/exe")" tare-keeper
  assert_eq "$(own/tare exec web sh -c 'cp /bin/busybox /tmp/program; sh /shared/writable /tmp/program')" \
    'opened /tmp/program' 'a file that can be written'
  assert_eq "$(own/tare exec web sh /shared/writable "/proc/$keeper/exe" "/proc/$inside/exe" /proc/1/exe)" '' "opened with $grant"
  own/tare exec web sh -c 'exec 9</proc/'"$inside"'/exe && sh /shared/writable /proc/self/fd/9 /dev/fd/9' >out 2>&1 || true
  assert_lacks "$(cat out)" opened
  own/tare rm -f web >/dev/null
  intact "init and keeper with $grant"
done
