# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2119,SC2164
# as: user
# needs: docker-registry jq
# --rate holds, with several layers at once and in both directions; without it nothing waits.
. "$TEST_LIB"
# shellcheck source=tests/registry.sh
. "$(dirname "$TEST_LIB")/registry.sh"

start_registry
cd "$TMPDIR"
layers=()
for n in 1 2 3 4; do
  head -c 1000000 /dev/urandom >noise$n
  tar -cf $n.tar noise$n
  layers+=("$n.tar")
done
docker_archive image.tar large "${layers[@]}"
tare load -q -i image.tar >/dev/null
tare tag large "$REGISTRY/large:1"

# ms COMMAND...: how long it takes.
ms() {
  local begun
  begun=$(date +%s%3N)
  "$@" >/dev/null
  echo $(($(date +%s%3N) - begun))
}
# 4 MB at 2 MB/s: two seconds, and what a busy machine adds.
within() {
  if [ "$1" -lt 1900 ] || [ "$1" -gt 8000 ]; then fail "$2 of 4 MB at 2 MB/s took $1 ms"; fi
}
within "$(ms tare push -q --rate 2m "$REGISTRY/large:1")" 'a push'
tare rmi large "$REGISTRY/large:1" >/dev/null
limited=$(ms tare pull -q --rate 2m "$REGISTRY/large:1")
within "$limited" 'a pull'
tare rmi "$REGISTRY/large:1" >/dev/null
[ "$(ms tare pull -q "$REGISTRY/large:1")" -lt "$limited" ] || fail 'a pull waits for nothing'
exits 1 tare pull --rate none "$REGISTRY/large:1" 2>err >&2
assert_contains "$(cat err)" 'not a number of bytes for a second'
