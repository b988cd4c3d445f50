# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2034,SC2119
# as: root
# needs: skopeo python3 mkfs.ext4 losetup
# The power goes at any moment: what the disk holds then, with any part of what was not flushed, is a
# store that is clean, and everything that a command had said it did is done. TEST_CUTS (40) moments.
. "$TEST_LIB"
# shellcheck source=tests/registry.sh
. "$(dirname "$TEST_LIB")/registry.sh"
# shellcheck source=tests/store.sh
. "$(dirname "$TEST_LIB")/store.sh"
disk() { "$(dirname "$TEST_LIB")/tools/cut-disk" "$@"; }
[ -w /dev/fuse ] || skip 'no FUSE here'

mkdir -p etc fuse store cut && seq 20000 >etc/numbers
small_image first etc
seq 20001 40000 >etc/numbers
small_image second etc
seq 40001 60000 >etc/numbers
small_image third etc
skopeo copy -q docker-archive:second.tar oci:second:1
skopeo copy -q docker-archive:third.tar oci:third:1
start_liar --base "$PWD/third"
third=$LIAR/x:1
truncate -s 64M base
mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 base

LOOP=''
plug() {
  cp --sparse=always base image
  disk serve image log fuse
  LOOP=$(losetup -f --show fuse/disk)
  # Nothing is written for its age alone.
  mount -o commit=900 "$LOOP" store
  export TARE_ROOT=$PWD/store/root
}
unplug() {
  umount store 2>/dev/null || true
  [ -z "$LOOP" ] || losetup -d "$LOOP"
  LOOP=''
  umount fuse 2>/dev/null || true
}
trap 'status=$?; set +e; unplug; umount cut 2>/dev/null || true; (exit $status); end_registries' EXIT
did() { echo "$1" >fuse/mark; }

plug
export TARE_UNDO_TIME=1h
tare load -q -i first.tar >/dev/null
did first
tare load -q second >/dev/null
tare tag "$(tare images -q --format '{{.ID}} {{.Repository}}' | awk '$2 == "<none>" {print $1}')" second 2>/dev/null || true
did second
tare pull -q "$third" >/dev/null
did third
tare create --name box --network none first true >/dev/null
did box
tare tag first again
did again
tare rmi second >/dev/null
did kept
tare undo >/dev/null
did undone
tare rmi again >/dev/null
did untagged
tare rm box >/dev/null
did removed
pack=$(find "$TARE_ROOT/layers" -name '*.pack' -size +100k | head -1)
chmod u+w "$pack"
printf XX | dd of="$pack" bs=1 seek=4100 conv=notrunc status=none
tare fsck --repair >/dev/null 2>&1 || true
tare fsck >/dev/null 2>&1 || tare load -q -i first.tar >/dev/null
tare fsck >/dev/null
did repaired
tare load -q -i second.tar >/dev/null
did plain
mkdir context
printf 'FROM first\nCOPY file /one\nCOPY file /two\nCOPY file /three\n' >context/Dockerfile
seq 70001 90000 >context/file
tare build -q -t built context >/dev/null
did built
unplug

# What has to be true of the disk after a cut.
cat >check <<'SH'
mount -o loop "$DISK" cut || exit 1
export TARE_ROOT=$PWD/cut/root
problem() { echo "$1: $(tare fsck 2>&1) $(ls -R "$TARE_ROOT/images" "$TARE_ROOT/names" "$TARE_ROOT/bin" 2>&1)"; umount cut; exit 1; }
did() { case " $MARKS " in *" $1 "*) true ;; *) false ;; esac; }
if [ -d "$TARE_ROOT" ]; then
  tare images >/dev/null || problem 'images does not work'
  # Damage that was done on purpose is not the power's.
  did untagged || [ "$(tare fsck 2>&1)" = 'the store is clean' ] || problem 'not clean'
  did repaired && { [ "$(tare fsck 2>&1)" = 'the store is clean' ] || problem 'not clean'; }
  for name in first third; do
    did $name || continue
    [ $name != third ] || name=$THIRD
    tare image inspect "$name" >/dev/null || problem "$name is lost"
    did removed && ! did repaired || tare run --rm --network none "$name" true || problem "$name does not run"
  done
  did box && ! did removed && { tare inspect box >/dev/null || tare undo box >/dev/null || problem 'the container is lost'; }
  did again && ! did undone && { tare image inspect again >/dev/null || problem 'the tag is lost'; }
  did second && [ "$(tare images -q | sort -u | wc -l)" -lt 2 ] && problem 'second is lost'
  did kept && ! did undone && [ "$(tare images -q | wc -l)" -lt 3 ] && { tare undo >/dev/null || problem 'what was removed is lost'; }
  did plain && { tare image inspect second >/dev/null || problem 'second, loaded again, is lost'; }
  did built && { tare run --rm --network none built true || problem 'what was built does not run'; }
  # Of a build that was not over nothing is taken for whole.
  [ ! -e "$TARE_ROOT/steps/unsynced" ] || problem 'a mark of a build is left'
  if did plain; then
    tare build -q context >/dev/null || problem 'it cannot be built'
    [ "$(tare fsck 2>&1)" = 'the store is clean' ] || problem 'not clean after a build'
  fi
  [ -z "$(ls "$TARE_ROOT/tmp")" ] || problem 'something is left in tmp'
elif [ -n "$MARKS" ]; then
  echo 'the store is lost'
  umount cut
  exit 1
fi
umount cut
SH
export THIRD=$third
seed=${TEST_SEED:-$RANDOM}
disk replay base log out "${TEST_CUTS:-40}" "$seed" bash ./check || fail "after a cut"

# The test finds it when nothing is synced.
plug
PATH=$TEST_FAILPOINTS:$PATH TARE_TEST_NO_SYNC=1 tare load -q -i first.tar >/dev/null
did first
unplug_now() { # Before anything is written by unmounting.
  cp log log.cut
  unplug
}
unplug_now
not disk replay base log.cut out 8 "$seed" bash ./check >said 2>&1
grep -Eq 'lost|not clean|does not' said || fail "not found: $(cat said)"
