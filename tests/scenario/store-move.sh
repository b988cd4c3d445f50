# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# store move: everything is at the new place, and the old path leads there; what cannot work is refused
# before anything is copied, with the reason.
. "$TEST_LIB"
export TARE_UNDO_TIME=1h
image_busybox
first=$TARE_ROOT
# A store of its own directory: links are made beside it.
export TARE_ROOT=$TEST_DIR/home/store
mkdir -p "$TEST_DIR/home"
trap 'export TARE_ROOT=$first' ERR
tare load -q -i "$TEST_CACHE/busybox-docker.tar" >/dev/null
big='dd if=/dev/zero of=/sparse bs=1 count=1 seek=50M 2>/dev/null; echo one >/a; ln -f /a /b; [ -p /fifo ] || mkfifo /fifo; ln -sf /a /link; echo hi >/joes; chown 777:777 /joes; chmod 4750 /joes; touch -d @981158400 /old; rm -f /etc/group; setfattr -n user.colour -v red /a 2>/dev/null || true'
tare run --name changed --network none busybox sh -c "$big"
tare run --name gone --network none busybox true
tare rm gone >/dev/null
# Deeper than there are descriptors.
tare run --name deep --network none busybox sh -c 'i=0; while [ $i -lt 300 ]; do mkdir d && cd d || exit 1; i=$((i + 1)); done; echo end >file'
# Refused, with the reason; nothing is at the place then.
exits 1 tare store move "$TARE_ROOT" 2>err
assert_contains "$(cat err)" 'is where the store is'
exits 1 tare store move "$TARE_ROOT/tmp/new" 2>err
assert_contains "$(cat err)" 'is in the store'
exits 1 tare store move "$TEST_DIR/home" 2>err
assert_contains "$(cat err)" 'the store is in'
mkdir full && touch full/file
exits 1 tare store move full 2>err
assert_contains "$(cat err)" "full' is not empty"
assert_contains "$(cat err)" 'full/tare'
exits 1 tare store move /proc/new 2>err
assert_contains "$(cat err)" "make the directory '/proc/new'"
tare run -d --name web --network none busybox sleep 1000 >/dev/null
exits 1 tare store move new 2>err
assert_contains "$(cat err)" "whose mounts hold the old place: 'web'"
assert_contains "$(cat err)" '--stop'
[ ! -e new ] || fail 'something is left at the place'
tare exec web true

files() {  # But for what a store makes for itself, or a start changes.
  (cd "$1" && find . -mindepth 1 \( -path ./tmp -o -path ./trash -o -path ./locks -o -path ./namespace -o -path ./ids -o \
    -path './containers/*' -o -name '*.seals' -o -name '*.seal' -o -name backend -o -name usage \) -prune -o -type f -printf '%p %m %U %G %s %T@\n' 2>/dev/null | sort) || true
}
files "$TARE_ROOT" >before
tare store move --stop new >out
assert_contains "$(cat out)" "to $TEST_DIR/new; $TARE_ROOT leads there"
assert_contains "$(cat out)" 'started again: web'
assert_eq "$(readlink "$TARE_ROOT")" "$TEST_DIR/new"
assert_eq "$(tare store path)" "$TEST_DIR/new"
diff before <(files new)
status_is web running
old_is_gone() { tare ps >/dev/null && [ "$(ls -A home)" = store ]; }
eventually 20 old_is_gone
[ ! -e new/moving ] || fail 'the marker is left'
assert_eq "$(tare fsck)" 'the store is clean'
assert_eq "$(tare df 2>&1 >/dev/null)" '' 'what is not known'

upper=new/containers/$(tare inspect --format '{{.Id}}' changed)/upper
assert_eq "$(stat -c %h "$upper/a")" 2 'links of a file with two names'
assert_eq "$(stat -c %i "$upper/a")" "$(stat -c %i "$upper/b")" 'inodes'
[ "$(stat -c %b "$upper/sparse")" -lt 1000 ] || fail 'a hole was filled'
assert_eq "$(stat -c %s "$upper/sparse")" 52428801
assert_eq "$(stat -c '%a %Y' "$upper/old")" "644 981158400"
assert_eq "$(stat -c '%a' "$upper/joes")" 4750
[ -p "$upper/fifo" ] || fail 'no fifo'
assert_eq "$(readlink "$upper/link")" /a
tare undo >out
assert_contains "$(cat out)" 'Restored container: gone'
# Ids are still those of the containers: nobody else is given them, and removing frees them.
tare start -a changed >/dev/null
tare run --rm --network none busybox true
tare rm changed gone deep >/dev/null
tare rm -f web >/dev/null

# Again, from there, and where a move was broken off before.
mkdir newer && printf %s "$TEST_DIR/new" >newer/moving && echo rest >newer/rest
tare store move -q newer
assert_eq "$(tare store path)" "$TEST_DIR/newer"
assert_eq "$(readlink "$TARE_ROOT")" "$TEST_DIR/newer" 'the first path'
assert_eq "$(readlink new)" "$TEST_DIR/newer" 'the second path'
[ ! -e newer/rest ] || fail 'what was broken off is still there'
tare run --rm --network none busybox true
emptied() { tare ps >/dev/null && [ -z "$(ls newer/trash)" ]; }
eventually 20 emptied
# Without the new place the old path says where it is.
mv newer elsewhere
exits 1 tare ps 2>err
assert_contains "$(cat err)" "it was moved to '$TEST_DIR/newer'"
mv elsewhere newer

# The place is a setting.
mkdir -p "$TEST_DIR/config/tare"
echo "root=$TEST_DIR/newer" >"$TEST_DIR/config/tare/tare.conf"
if [ "$TEST_AS" != root ]; then
  assert_eq "$(env -u TARE_ROOT XDG_CONFIG_HOME="$TEST_DIR/config" tare store path)" "$TEST_DIR/newer"
  assert_eq "$(TARE_ROOT=$first XDG_CONFIG_HOME="$TEST_DIR/config" tare store path)" "$first"
  echo "rot=x" >"$TEST_DIR/config/tare/tare.conf"
  exits 1 env -u TARE_ROOT XDG_CONFIG_HOME="$TEST_DIR/config" tare store path 2>err
  assert_contains "$(cat err)" "'rot=x' in"
fi
tare undo --empty >/dev/null
export TARE_ROOT=$first
