# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2034,SC2119
# as: root user
# needs: skopeo python3
# kill -9 before any call that changes a file, of load, pull, rmi, undo, prune, fsck --repair and mount;
# of the command alone, and of its process group: the store is clean, nothing is left, the command can
# be given again, and the images of before run.
. "$TEST_LIB"
# shellcheck source=tests/registry.sh
. "$(dirname "$TEST_LIB")/registry.sh"
# shellcheck source=tests/store.sh
. "$(dirname "$TEST_LIB")/store.sh"
! grep -q TARE_STEP "$(command -v tare)" || fail 'steps are counted in a release'

mkdir -p etc && seq 20000 >etc/numbers && echo small >etc/small
small_image first etc
seq 20001 40000 >etc/numbers
small_image other etc
skopeo copy -q docker-archive:other.tar oci:layout:1
start_liar --base "$PWD/layout"
other=$LIAR/x:1
tare load -q -i first.tar >/dev/null
tare create --name user --network none first true >/dev/null

ready_load() { tare rmi "$other" other >/dev/null 2>&1 || true; }
do_load() { tare load -q -i other.tar; }
ready_pull() { ready_load; }
do_pull() { tare pull -q "$other"; }
ready_rmi() { tare load -q -i other.tar >/dev/null; }
do_rmi() { tare rmi other; }
ready_keep() { tare load -q -i other.tar >/dev/null; }
do_keep() { TARE_UNDO_TIME=1h tare rmi other; }
ready_prune() { tare load -q -i other.tar >/dev/null; }
do_prune() { TARE_UNDO_TIME=1h tare image prune -a -f; }
ready_undo() {
  tare load -q -i other.tar >/dev/null
  TARE_UNDO_TIME=1h tare rmi other >/dev/null
}
do_undo() { tare undo; }
# Of an image that was pulled: a part that can be made again from the compressed bytes, one that has to
# be fetched, and a record.
ready_repair() {
  tare pull -q "$other" >/dev/null
  local layer blob
  layer=$(grep -rlF "$(printf '30500\n30501\n30502')" "$TARE_ROOT/layers" "$TARE_ROOT/objects" | head -1)
  blob=$(find "$TARE_ROOT/blobs/sha256" -type f -size +20k | head -1)
  spoil "$blob" 5000
  spoil "$layer" 4100
}
do_repair() { tare fsck --repair; }
ready_mount() {
  tare load -q -i other.tar >/dev/null
  find "$TARE_ROOT/rootfs" -name "*.erofs" -delete
}
do_mount() { mkdir -p place && tare mount other place; }
spoil() {
  chmod u+w "$1"
  printf '\377\376' | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
export -f do_load do_pull do_rmi do_keep do_prune do_undo do_repair do_mount
export other

healthy() {
  while grep -q " $PWD/place " /proc/self/mounts; do umount place; done
  [ "$what" != repair ] || tare fsck --repair >/dev/null 2>&1 || fail "cannot be repaired after $1: $(tare fsck --repair 2>&1)"
  is_clean "$1"
  tidy "$1"
  tare run --rm --network none first cat /etc/small >"$TMPDIR/ran" || fail "first does not run after $1"
  assert_eq "$(cat "$TMPDIR/ran")" small
}
kinds='load pull rmi keep prune undo repair'
[ "$TEST_AS" != root ] || kinds+=' mount'
for what in $kinds; do
  "ready_$what"
  total=$(steps bash -c "do_$what")
  [ "$total" -ge 4 ] || fail "$what takes $total steps"
  healthy "$what"
  for kind in kill group; do
    for n in $(some_of "$total" 4); do
      "ready_$what"
      at_step "$kind:$n" bash -c "do_$what"
      healthy "$kind at step $n of $total of $what (status $STATUS: $(cat "$TMPDIR/said"))"
      # What was there is there, or can be brought back; what was to be is made by the same command.
      case $what in
        keep | prune | undo) tare image inspect other >/dev/null 2>&1 || tare undo >/dev/null 2>&1 ||
          fail "lost by $kind at step $n of $what" ;;
        load | pull) "do_$what" >/dev/null || fail "$what does not work after $kind at step $n" ;;
      esac
      tare undo --empty >/dev/null
      tidy "undo --empty after $what"
    done
  done
  while grep -q " $PWD/place " /proc/self/mounts; do umount place; done
done

# The program that fetches, alone.
ready_pull
head -c 3000000 /dev/urandom >etc/noise
small_image large etc
skopeo copy -q docker-archive:large.tar oci:large:1
start_liar --base "$PWD/large"
rm -f "$TARE_ROOT"/downloads/*
tare pull -q --rate 1000000 "$LIAR/x:1" >out 2>&1 &
pull=$!
transfer_is_there() { transfer=$(pgrep -P $pull tare-transfer) && [ -n "$(find "$TARE_ROOT/downloads" -size +300k)" ]; }
eventually 20 transfer_is_there
kill -KILL "$transfer"
status=0
wait $pull || status=$?
[ $status = 1 ] || [ $status = 125 ] || [ $status = 0 ] || fail "status $status without tare-transfer: $(cat out)"
[ $status = 0 ] || assert_contains "$(cat out)" 'the transfer program ended unexpectedly'
[ -n "$(ls "$TARE_ROOT/downloads")" ] || [ $status = 0 ] || fail 'what had come is gone'
what=pull
healthy 'tare-transfer was killed'
tare pull -q "$LIAR/x:1" >/dev/null
tare run --rm --network none "$LIAR/x:1" cat /etc/small >/dev/null
assert_eq "$(ls "$TARE_ROOT/downloads")" ''
tare rm user >/dev/null
