# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116,SC2046,SC2030,SC2031
# kill -9 of the command, the launching process or the keeper between any two steps: the next command
# lists what there is, removes it, can use its name again, and nothing stays.
# as: root user
. "$TEST_LIB"
image_busybox

store=$TARE_ROOT
claims=/var/lib/tare/ids
[ "$TEST_AS" = root ] || claims=$HOME/.local/share/tare/ids
# Ordinary programs have no such points.
! grep -q TARE_FAILPOINT "$(command -v tare)" "$(command -v tare-keeper)" || fail 'failpoints in a release'
grep -q TARE_FAILPOINT "$TEST_FAILPOINTS/tare" || fail 'no failpoints in the programs for this test'

files_in() { find "$1" -mindepth 1 -maxdepth 1 ! -name '.*' ! -name next -printf '%p ' 2>/dev/null || true; }
# Control groups and processes of a container that does not run are gone after any `tare ps -a`.
groups_of() { find /sys/fs/cgroup -type d -path "*/tare/$1" 2>/dev/null || true; }
emptied() {
  tare ps -a >/dev/null || fail "ps after $point"
  left="$(files_in "$store/containers")$(files_in "$store/container-names")$(grep -rls "^$store/" "$claims" || true)$(files_in "$store/tmp")$(files_in "$store/trash")"
  [ -z "$left" ]
}
no_groups() { tare ps -a >/dev/null && [ -z "$(for id in $ids; do groups_of "$id"; done)" ]; }
no_unpackers() { ! readlink /proc/[0-9]*/exe 2>/dev/null | grep -qx "$TEST_FAILPOINTS/tare"; }
no_marked() { ! grep -zqsx "MARK=$mark" $(find /proc -maxdepth 2 -path '/proc/[0-9]*' -name environ 2>/dev/null) 2>/dev/null; }

# It runs, or it does not and nothing of it is in the kernel. A launching process that goes on after its
# parent was killed may still make the one of the other.
settled() {
  state=$(tare inspect --format '{{.State.Status}}' web 2>/dev/null) || state=gone
  case $state in
    created | exited) no_groups && no_marked ;;
  esac
}

# at POINT COMMAND...: runs it with programs that end at that point, and sees that they did.
at() {
  point=$1
  shift
  rm -f "$TMPDIR/hit"
  status=0
  (
    export TARE_FAILPOINT=$point TARE_FAILPOINT_HIT=$TMPDIR/hit PATH=$TEST_FAILPOINTS:$PATH
    timeout 30 "$@"
    exit $?
  ) >"$TMPDIR/out" 2>&1 || status=$?
  [ $status != 124 ] || fail "at $point: $* hangs"
  for _ in $(seq 200); do [ ! -e "$TMPDIR/hit" ] || return 0; sleep 0.05; done
  fail "$point is not reached by $* (status $status): $(cat "$TMPDIR/out")"
}

run_as() { echo run -d --name web --network none -e "MARK=$mark" busybox sleep 1000; }

# Whatever it was: list it, see that what does not run has left nothing in the kernel, remove it, take
# the name again.
recovered() {
  # A launching process whose parent was killed goes on; what is read before it is done is soon not so.
  eventually 10 no_unpackers
  tare ps -a >listing || fail "ps -a after $point"
  ids=$(ls "$store/containers")
  eventually 10 settled
  case $state in
    running) # Or it was just about to end.
      tare exec web true || [ "$(tare inspect --format '{{.State.Status}}' web)" != running ] ||
        fail "after $point it runs but cannot be entered" ;;
    created | exited)
      if [ "${1-}" != removed ]; then
        tare start web >/dev/null || fail "after $point it cannot be started"
        status_is web running || fail "after $point it does not run"
      fi
      ;;
    gone) ;;
    *) fail "after $point: state '$state'" ;;
  esac
  [ "$state" = gone ] || tare rm -f web >/dev/null || fail "rm -f after $point"
  mark=$point-again
  tare $(run_as) >/dev/null || fail "the name is not free after $point"
  tare rm -f web >/dev/null
  eventually 10 emptied
  eventually 10 no_marked
}

for p in create.directory create.named create.ids create.prepared create.recorded \
  start.locked start.cleared start.mounted start.listening start.forked \
  launcher.begin launcher.launched launcher.recorded launcher.reported launcher.keeper \
  launcher.begin:parent launcher.launched:parent launcher.recorded:parent launcher.reported:parent \
  keeper.begin; do
  mark=$p
  at $p tare $(run_as)
  recovered
done

# The same for one that has run before, and whose end was seen.
for p in start.cleared launcher.recorded; do
  tare run --name web --network none busybox sh -c '[ ! -e /again ] || exec sleep 1000; touch /again'
  at $p tare start web
  recovered
done

for p in keeper.exited keeper.drained keeper.written keeper.told keeper.groups; do
  mark=$p
  (export PATH=$TEST_FAILPOINTS:$PATH TARE_FAILPOINT=$p TARE_FAILPOINT_HIT=$TMPDIR/hit && tare $(run_as) >/dev/null)
  at $p tare kill web
  recovered
  # One that removes itself: by its keeper, or by who looks ten seconds later.
  at $p tare run -d --rm --name web --network none busybox true
  recovered removed
done

for p in stop.asked stop.killed remove.killed remove.locked remove.ended remove.discarded remove.released; do
  mark=$p
  tare $(run_as) >/dev/null
  case $p in
    stop.*) at $p tare stop -t 1 web ;;
    *) at $p tare rm -f web ;;
  esac
  recovered removed
done

for p in rename.claimed rename.written; do
  mark=$p
  tare $(run_as) >/dev/null
  at $p tare rename web other
  tare ps -a >/dev/null
  eventually 5 bash -c '[ "$(ls "$1/container-names" | wc -l)" = 1 ]' - "$store"
  name=$(ls "$store/container-names")
  status_is "$name" running || fail "after $p"
  [ "$name" = web ] || tare rename "$name" web
  recovered
done

for p in exec.opened exec.entered exec.forked exec.detached; do
  mark=$p
  tare $(run_as) >/dev/null
  detach=''
  [[ $p != exec.forked && $p != exec.detached ]] || detach=-d
  # shellcheck disable=SC2086
  at $p tare exec $detach web sleep 999
  # It goes with who started it.
  eventually 10 bash -c '! tare exec web ps | grep -q "[s]leep 999"'
  recovered
done

# An image that is loaded and unpacked: it is there whole or not at all, and loading it again mends it.
point=unpack
tare $(run_as) >/dev/null
tare rm -f web >/dev/null
unpacked() { for room in rootfs/erofs rootfs/redirect rootfs/flat layers objects; do files_in "$store/$room"; done | wc -w; }
trees=$(unpacked)
for p in unpack.scratch unpack.confined unpack.confined:parent unpack.forked unpack.forked:parent \
  import.started layer.named unpack.written unpack.named; do
  mark=$p
  tare rmi busybox >/dev/null
  at $p tare load -i "$TEST_CACHE/busybox-docker.tar"
  # Behind a fork the work may be done before it is seen that its parent is dead.
  if [ $p = unpack.confined ] || { [ $p = unpack.forked ] && [ $status != 0 ]; }; then
    assert_eq $status 1 "of load when its process is killed at $p"
    assert_contains "$(cat "$TMPDIR/out")" 'the confined unpacking process was killed by signal 9'
  fi
  eventually 10 no_unpackers
  tare images >/dev/null || fail "images after $p"
  image_busybox
  recovered
  assert_eq "$(unpacked)" "$trees" "layers and root file systems after $p"
done
