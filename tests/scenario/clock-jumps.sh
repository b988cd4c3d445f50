# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2119
# as: root user
# The clock is set to another year, and back: what was removed stays for its time, what is used stays,
# and lists are made.
. "$TEST_LIB"
# shellcheck source=tests/store.sh
. "$(dirname "$TEST_LIB")/store.sh"
export TARE_UNDO_TIME=1h
mkdir etc && echo a >etc/name
small_image a etc
echo b >etc/name
small_image b etc
later=$((13 * 365 * 86400))
earlier=$((-$(date +%s)))
at_time() {
  local seconds=$1
  shift
  TARE_TEST_CLOCK=$seconds PATH=$TEST_FAILPOINTS:$PATH "$@"
}
tare load -q -i a.tar >/dev/null

for jump in $later $earlier; do
  tare load -q -i b.tar >/dev/null
  tare create --name box --network none b true >/dev/null
  tare rm box >/dev/null
  tare rmi b >/dev/null
  # Removed today, looked at then: with a removal, which looks what is over.
  at_time "$jump" tare images >/dev/null
  at_time "$jump" tare load -q -i b.tar -n c >/dev/null
  at_time "$jump" tare rmi c >/dev/null 2>&1 || true
  at_time "$jump" tare ps -a >/dev/null
  at_time "$jump" tare undo --list >list
  assert_contains "$(cat list)" box
  tare undo box >/dev/null || fail "box is lost by $jump seconds"
  tare start -a box
  tare rm --no-undo box >/dev/null
  tare rmi --no-undo b >/dev/null 2>&1 || true
  tare undo --empty >/dev/null
  # Removed then, looked at today.
  at_time "$jump" tare load -q -i b.tar >/dev/null
  at_time "$jump" tare rmi b >/dev/null
  tare images >/dev/null
  tare load -q -i a.tar -n d >/dev/null
  tare rmi d >/dev/null
  assert_eq "$(tare undo b)" 'Restored image: b:latest'
  tare run --rm --network none b true
  # Loaded then, run today and then; a container that was made then.
  at_time "$jump" tare create --name box --network none a true >/dev/null
  tare start -a box
  at_time "$jump" tare start -a box
  at_time "$jump" tare run --rm --network none a true
  tare rm --no-undo box >/dev/null
  tare rmi --no-undo b >/dev/null
  is_clean "$jump seconds"
  tidy "$jump seconds"
done
# What was begun to be fetched is kept for a week of this boot, whatever the clock says.
mkdir -p "$TARE_ROOT/downloads"
tare images >/dev/null
