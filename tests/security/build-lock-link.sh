# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# as: root user
# A Dockerfile.lock that is a link out of its context is not read, whatever it leads to; one within it is, and so is one
# that the user names.
. "$TEST_LIB"
image_busybox
mkdir app
printf 'FROM busybox\nRUN --network=none true\n' >app/Dockerfile
echo 'TOKEN=of-the-user' >secret
tare build -q --network none app >/dev/null
mv app/Dockerfile.lock right
for target in "$PWD/secret" ../secret /etc/passwd /dev/zero nothing; do
  ln -sf "$target" app/Dockerfile.lock
  for option in --locked --progress=plain; do
    exits 1 timeout 20 tare build --network none $option app >out 2>&1
    assert_contains "$(cat out)" 'Dockerfile.lock'
    assert_contains "$(cat out)" 'is a link to what is not there, or not below'
    assert_lacks "$(cat out)" TOKEN
  done
done
rm app/Dockerfile.lock
assert_eq "$(cat secret)" 'TOKEN=of-the-user'
cp right app/own.lock
ln -s own.lock app/Dockerfile.lock
tare build -q --network none --locked app >/dev/null
ln -s "$PWD/right" app/link
tare build -q --network none --locked --lock app/link app >/dev/null
