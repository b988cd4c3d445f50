# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# kill -9 between any two steps of rmi, rm and undo: what was removed is there, or can be brought back.
. "$TEST_LIB"
# as: root user
export TARE_UNDO_TIME=1h
image_busybox
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
works() { busybox true || fail "the image does not work after $1"; }

for p in rmi.binned rmi.untagged rmi.removed; do
  at $p tare rmi busybox
  tare images >/dev/null || fail "images after $p"
  tare inspect busybox >/dev/null 2>&1 || tare undo busybox >/dev/null || fail "undo after $p"
  works $p
done
for p in undo.image.recorded undo.image.named; do
  tare rmi busybox >/dev/null
  at $p tare undo
  tare images >/dev/null || fail "images after $p"
  tare inspect busybox >/dev/null 2>&1 || tare undo busybox >/dev/null || fail "undo after $p"
  works $p
done
for p in remove.dated remove.discarded; do
  tare run --name web --network none busybox touch /file
  at $p tare rm web
  tare ps -a >/dev/null
  tare inspect web >/dev/null 2>&1 || tare undo web >/dev/null || fail "undo after $p"
  tare start -a web || fail "start after $p"
  tare rm --no-undo web >/dev/null
done
for p in undo.container.named undo.container.moved; do
  tare run --name web --network none busybox touch /file
  tare rm web >/dev/null
  at $p tare undo web
  tare ps -a >/dev/null
  tare inspect web >/dev/null 2>&1 || tare undo web >/dev/null || fail "undo after $p"
  tare start -a web || fail "start after $p"
  tare rm --no-undo web >/dev/null
done
tare run --name web --network none busybox true
tare rm web >/dev/null
tare rmi busybox >/dev/null
for p in forget.container.discarded forget.image.unlinked; do at $p tare undo --empty; done
tare undo --empty >/dev/null
tare images >/dev/null
parts=("$TARE_ROOT"/{blobs/sha256,layers,objects,rootfs/erofs,rootfs/flat,rootfs/redirect,trash})
gone() { tare ps >/dev/null; [ -z "$(find "${parts[@]}" -type f)" ]; }
eventually 10 gone
