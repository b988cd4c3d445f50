# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# An image that is removed while containers of it are made: each of them works, or says that it is gone.
. "$TEST_LIB"
image_busybox
tare save -o busybox.tar busybox

try() {  # Anything but success or one clear sentence is a failure.
  local said status=0
  said=$(tare run --rm --pull never --network none busybox true 2>&1) || status=$?
  [ $status = 0 ] || { [ $status = 125 ] && [[ $said =~ (no such image|was removed meanwhile) ]]; } ||
    echo "exit status $status: $said" >>problems
}

for _ in $(seq 15); do
  tare load -q -i busybox.tar >/dev/null
  try & try &
  tare rmi -f busybox >/dev/null 2>&1 &
  try &
  wait
done
[ ! -e problems ] || fail "$(cat problems)"
assert_eq "$(tare ps -aq)" "" containers
