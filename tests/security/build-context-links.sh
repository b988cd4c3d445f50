# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# A context of somebody else does not lead the builder to files beside it: a Dockerfile or .dockerignore that is a link
# out of it, or no file at all, is refused, and nothing hangs.
. "$TEST_LIB"
image_busybox
mkdir app
echo TOPSECRET >credentials
printf 'FROM busybox\nCOPY . /app\n' >app/Dockerfile
refused() {
  local status=0
  timeout 10 tare build -q --network none app >out 2>&1 || status=$?
  assert_eq "$status" 1 "$1"
  assert_lacks "$(cat out)" TOPSECRET
}
ln -s ../credentials app/.dockerignore
refused 'a .dockerignore that leads out'
ln -sf "$PWD/credentials" app/.dockerignore
refused 'one with the whole path'
rm app/.dockerignore && mkfifo app/.dockerignore
refused 'one that is a FIFO'
rm app/.dockerignore
mv app/Dockerfile Dockerfile
ln -s ../credentials app/Dockerfile
refused 'a Dockerfile that leads out'
# Links that stay inside are as good as files.
mv Dockerfile app/real
ln -sf real app/Dockerfile
echo real >app/rules
ln -s rules app/.dockerignore
tare build -q --network none -t app app >/dev/null
assert_lacks "$(tare run --rm --network none app ls /app)" real
