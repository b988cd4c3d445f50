# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2119,SC2034
# as: root user
# needs: skopeo python3
# Two hundred commands at once on the same few names: each works, or says in a sentence what another did.
. "$TEST_LIB"
# shellcheck source=tests/registry.sh
. "$(dirname "$TEST_LIB")/registry.sh"
# shellcheck source=tests/store.sh
. "$(dirname "$TEST_LIB")/store.sh"
export TARE_UNDO_TIME=1h
mkdir etc && echo a >etc/name
small_image a etc
echo b >etc/name
small_image b etc
skopeo copy -q docker-archive:b.tar oci:layout:1
start_liar --base "$PWD/layout"
tare load -q -i a.tar >/dev/null

one() {
  local number=$1 status=0
  shift
  timeout -k 1 120 "$@" >"said.$number" 2>&1 </dev/null || status=$?
  case $status in
    0) ;;
    1 | 125)
      grep -Eq 'no such image|o such container|was removed meanwhile|uses it|nothing (to bring back|that was removed)|is in use|several repositories|not among what was removed|removed for good|is nothing' "said.$number" ||
        echo "$*: status $status: $(cat "said.$number")" >>problems
      ;;
    *) echo "$*: status $status: $(cat "said.$number")" >>problems ;;
  esac
}
for i in $(seq 20); do
  one "$i-0" tare load -q -i a.tar &
  one "$i-1" tare load -q -i b.tar &
  one "$i-2" tare pull -q "$LIAR/x:1" &
  one "$i-3" tare tag a c &
  one "$i-4" tare rmi -f a &
  one "$i-5" tare rmi b c &
  one "$i-6" tare run --rm --pull never --network none a true &
  one "$i-7" tare undo &
  one "$i-8" tare image prune -a -f &
  one "$i-9" tare fsck &
done
end=$((SECONDS + 200))
while jobs -rp | grep -qvxF "${REGISTRY_PIDS[0]}"; do
  [ $SECONDS -lt $end ] || fail "they hang: $(jobs -r)"
  sleep 0.2
done
[ ! -e problems ] || fail "$(head -c 4000 problems)"
tare load -q -i a.tar >/dev/null
tare run --rm --network none a true
is_clean 'two hundred commands'
tidy 'two hundred commands'
tare undo --empty >/dev/null
assert_eq "$(ls "$TARE_ROOT/downloads")" ''
