# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2030,SC2031
# kill -9 between any two steps of making, filling, removing and restoring volumes: a volume that is
# there is whole, the next command does again what was half done, and nothing stays.
# as: root user
. "$TEST_LIB"
export TARE_UNDO_TIME=1h
image_busybox
mkdir -p tree/srv
cp -a "$TEST_CACHE/rootfs/." tree/
for n in 1 2 3; do echo "$n" >tree/srv/$n; done
tar -C tree -cf - . | tare import -q -c 'VOLUME /anon' - img >/dev/null
at() {
  local point=$1
  shift
  rm -f "$TMPDIR/hit"
  (
    export TARE_FAILPOINT=$point TARE_FAILPOINT_HIT=$TMPDIR/hit PATH=$TEST_FAILPOINTS:$PATH
    timeout 30 "$@"
    exit $?
  ) >"$TMPDIR/out" 2>&1 || true
  [ -e "$TMPDIR/hit" ] || fail "$point is not reached by $*: $(cat "$TMPDIR/out")"
}
# Nothing under way is left, and no volume but `$1`.
clean() {
  tare ps -a >/dev/null || return 1
  [ "$(tare volume ls -q)" = "$1" ] && [ -z "$(ls -A "$TARE_ROOT/tmp")$(ls -A "$TARE_ROOT/trash")$(ls -A "$TARE_ROOT/containers")" ]
}
whole() { [ "$(tare run --rm --network none -v data:/srv img ls /srv | tr '\n' ' ')" = '1 2 3 ' ] || fail "content after $1"; }

for p in volume.written volume.named; do
  at $p tare volume create data
  tare volume ls >/dev/null || fail "ls after $p"
  tare volume create data >/dev/null || fail "create after $p"
  whole $p
  tare volume rm --no-undo data >/dev/null
  eventually 10 clean ''
done
for p in create.volumes volume.written volume.named volume.copied volume.filled; do
  at $p tare run --rm --network none -v data:/srv img true
  # What is there of it is nothing, or all.
  tare ps -a >/dev/null
  eventually 10 clean "$(tare volume ls -q -f name=data)"
  if tare volume inspect data >/dev/null 2>&1; then
    content=$(tare run --rm --network none -v data:/x:nocopy img ls /x | tr '\n' ' ')
    [ -z "$content" ] || [ "$content" = '1 2 3 ' ] || fail "half a copy after $p: $content"
  fi
  whole $p
  tare volume rm --no-undo data >/dev/null
  eventually 10 clean ''
done
for p in volume.dated volume.removed; do
  tare run --rm --network none -v data:/srv img true
  at $p tare volume rm data
  tare volume inspect data >/dev/null 2>&1 || tare undo data >/dev/null || fail "undo after $p"
  whole $p
  tare volume rm --no-undo data >/dev/null
done
for p in undo.volume.written undo.volume.moved; do
  tare run --rm --network none -v data:/srv img true
  tare volume rm data >/dev/null
  at $p tare undo data
  tare volume inspect data >/dev/null 2>&1 || tare undo data >/dev/null || fail "undo after $p"
  whole $p
  tare volume rm --no-undo data >/dev/null
done
# Anonymous ones go before their container.
for p in volume.dated remove.volume remove.dated; do
  tare run --name web --network none img sh -c 'echo a >>/anon/x'
  at $p tare rm -v web
  tare ps -a >/dev/null
  if tare inspect --type container web >/dev/null 2>&1; then tare rm -v web >/dev/null || fail "rm -v after $p"; fi
  eventually 10 clean ''
  tare undo web >/dev/null || fail "undo after $p"
  tare start web >/dev/null || fail "start after $p"
  eventually 10 status_is web exited
  tare rm -v --no-undo web >/dev/null
  tare undo --empty >/dev/null
done
tare create --rm --name web --network none img true >/dev/null
at remove.volume tare rm web
tare rm web >/dev/null
eventually 10 clean ''
tare volume create data >/dev/null
tare volume rm data >/dev/null
at forget.volume.discarded tare undo --empty
tare undo --empty >/dev/null
eventually 10 clean ''
[ -z "$(ls -A "$TARE_ROOT/bin/volumes")" ] || fail 'something stays in the bin'
