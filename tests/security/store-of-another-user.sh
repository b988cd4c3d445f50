# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# as: root
# Records in a store say what containers may do, so who can write there is root when root uses it: a store
# of another user, or that others can write, is refused, and none is moved to where others could exchange it.
. "$TEST_LIB"
image_busybox
user=65432
refused() {  # WORDS COMMAND...
  local words=$1
  shift
  exits 1 "$@" >out 2>err
  assert_contains "$(cat err)" "$words"
}
mkdir -m 700 theirs
chown $user theirs
refused 'belongs to another user' tare --root "$PWD/theirs" images
[ -z "$(ls -A theirs)" ] || fail "something was made in it: $(ls theirs)"
ln -s theirs link
refused 'belongs to another user' tare --root "$PWD/link" images
mkdir -m 777 open
refused 'can be written by other users' tare --root "$PWD/open" images
chmod 775 open
chgrp $user open
refused 'can be written by other users' tare --root "$PWD/open" images
chmod 755 open
tare --root "$PWD/open" images >/dev/null
chmod 1777 open # Names in it are those of root, but new ones can be made.
refused 'can be written by other users' tare --root "$PWD/open" images

# Places that somebody else can put another directory at.
first=$TARE_ROOT
mkdir home
export TARE_ROOT=$PWD/home/store
tare load -q -i "$TEST_CACHE/busybox-docker.tar" >/dev/null
mkdir -p theirs/mine/deep everybodys
chmod 777 everybodys
refused 'belongs to another user' tare store move "$PWD/theirs/new"
refused 'belongs to another user' tare store move "$PWD/theirs/mine/deep/new"
refused 'can be written by other users' tare store move "$PWD/everybodys/new"
ln -s "$PWD/theirs/mine" way
refused 'belongs to another user' tare store move "$PWD/way/new"
for place in theirs/new theirs/mine/deep/new everybodys/new; do
  [ ! -e $place ] || fail "$place was made"
done
[ ! -L home/store ] || fail 'the store was moved'
chmod 1777 everybodys
tare store move "$PWD/everybodys/new" >/dev/null
assert_eq "$(tare images -q | wc -l)" 1
rm -rf --one-file-system everybodys home open theirs
export TARE_ROOT=$first
