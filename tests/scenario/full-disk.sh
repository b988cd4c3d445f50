# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2119,SC2034
# as: root
# needs: mkfs.ext4 losetup
# A small file system at any fill level, without bytes or without inodes: what does not fit says so and
# leaves nothing; removing works on one that is full to the last.
. "$TEST_LIB"
# shellcheck source=tests/store.sh
. "$(dirname "$TEST_LIB")/store.sh"
export TARE_STORE_MAX=100%
mkdir -p etc small && seq 20000 >etc/numbers
small_image first etc
seq 20001 40000 >etc/numbers
small_image second etc
unplug() { umount small 2>/dev/null || umount -l small 2>/dev/null || true; }
trap 'status=$?; set +e; unplug; (exit $status); clean_up' EXIT

what=''
# It worked, or said what is missing where.
fits_or_says() {
  local status=0
  "$@" >said 2>&1 || status=$?
  case $status in
    0) return 0 ;;
    1 | 125) grep -Eqi 'no space|file system is full|needs .* free|no room|quota' said || fail "$what: $*: $(cat said)" ;;
    *) fail "$what: status $status of $*: $(cat said)" ;;
  esac
  return 1
}
fill_bytes() { dd if=/dev/zero of=small/fill bs=1k count="$1" status=none 2>/dev/null || true; }
fill_inodes() {
  mkdir -p small/many
  (cd small/many && i=0 && while [ "$i" -lt "$1" ] && : >"$i"; do i=$((i + 1)); done) 2>/dev/null || true
}
try_all() {
  fits_or_says tare load -q -i second.tar || true
  tidy "load with $what"
  fits_or_says tare run --rm --network none first true || true
  fits_or_says tare create --name box --network none first true || true
  tare rm -f box >/dev/null 2>&1 || true
  tidy "run with $what"
  # Removing what there is.
  tare rmi second >/dev/null 2>&1 || true
  ! tare image inspect second >/dev/null 2>&1 || fail "second cannot be removed with $what"
  rm -rf small/fill small/many
  [ "$(tare ps -aq | wc -l)" = 1 ] || fail "$what: containers are left: $(tare ps -a)"
  is_clean "$what"
  tare run --rm --network none first true || fail "first does not run after $what"
  tare undo --empty >/dev/null
}
removes_when_full() {
  export TARE_UNDO_TIME=1h
  tare load -q -i second.tar >/dev/null
  tare create --name box --network none first true >/dev/null
  tare tag second third
  $1 100000000
  what="full of $1"
  tare rmi third >/dev/null || fail "$what: rmi of a name"
  tare rm box >/dev/null || fail "$what: rm"
  tare rmi second >/dev/null || fail "$what: rmi"
  tare undo --list >/dev/null
  # Without space for its record it was removed for good.
  if tare undo --list --format '{{.Names}}' | grep -q second; then
    if fits_or_says tare undo second; then
      tare rmi --no-undo second >/dev/null || fail "$what: after undo: $(cat said) $(tare images) $(tare undo --list)"
    fi
  fi
  tare undo --empty >/dev/null || fail "$what: undo --empty"
  ! tare image inspect second >/dev/null 2>&1 || fail "$what: second is there"
  rm -rf small/fill small/many
  tare load -q -i second.tar >/dev/null
  $1 100000000
  tare image prune -a -f >/dev/null || fail "$what: prune"
  ! tare image inspect second >/dev/null 2>&1 || fail "$what: prune left second"
  tare undo --empty >/dev/null
  rm -rf small/fill small/many
  export TARE_UNDO_TIME=0
  tare load -q -i first.tar >/dev/null
  is_clean "$what"
  tidy "$what"
}
for kind in ext4 tmpfs; do
  case $kind in
    ext4)
      truncate -s 40M disk
      mkfs.ext4 -q -m 0 -N 600 disk
      mount -o loop disk small
      ;;
    tmpfs) mount -t tmpfs -o size=32m,nr_inodes=600 tmpfs small ;;
  esac
  export TARE_ROOT=$PWD/small/root
  tare load -q -i first.tar >/dev/null
  tare create --name user --network none first true >/dev/null  # So that it is never evicted.
  free=$(($(stat -f -c '%a * %S' small) / 1024))
  for part in 5 20 45 70 90 97 100; do
    what="$kind $part% full"
    fill_bytes $((free * part / 100))
    try_all
  done
  for left in 0 1 2 4 8 16; do
    what="$kind with $left inodes left"
    fill_inodes $(($(stat -f -c %d small) - left))
    try_all
  done
  removes_when_full fill_bytes
  removes_when_full fill_inodes
  tare rm --no-undo user >/dev/null
  [ -z "$(tare ps -aq)" ] || fail "containers are left: $(tare ps -a)"
  unplug
done

# Full in the middle of anything.
export TARE_ROOT=$PWD/root
tare load -q -i first.tar >/dev/null
STEP_KIND=full
total=$(steps tare load -q -i second.tar)
tare rmi second >/dev/null
for n in 1 2 3 $(some_of "$total" 12); do
  at_step "full:$n" tare load -q -i second.tar
  what="full from step $n of $total of load"
  [ $STATUS = 0 ] || grep -qi 'no space' "$TMPDIR/said" || fail "$what: $(cat "$TMPDIR/said")"
  [ $STATUS -le 1 ] || [ $STATUS = 125 ] || fail "$what: status $STATUS"
  tidy "$what"
  is_clean "$what"
  tare rmi second >/dev/null 2>&1 || true
done
tare load -q -i second.tar >/dev/null
at_step full:1 tare rmi second
[ $STATUS = 0 ] || fail "rmi on a full disk: $(cat "$TMPDIR/said")"
