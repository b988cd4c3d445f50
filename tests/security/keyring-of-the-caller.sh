# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# The keys of the caller, in the per-user and in the session keyring: not by number, by name, by link, nor by giving oneself leave. (The critique of 2014: keys are not namespaced.)
. "$TEST_LIB"
image_busybox

# Leaves two keys behind and reads them, which is what a success looks like, before it becomes what follows.
"$TEST_PROBES/probe-escape" keys bash -euo pipefail -c '
  take() { tare run --rm --network none -v "$TEST_PROBES/probe-escape:/probe:ro" -v "$PWD/keys:/keys:ro" "$@" busybox /probe take-keys; }
  for user in 0 1000; do
    status=0
    take -u $user || status=$?
    [ $status = 1 ] || { echo "FAIL: user $user of a container took a key: status $status"; exit 1; }
    # Who comes in later comes from a caller with the same keys.
    tare run -d --name web --network none -v "$TEST_PROBES/probe-escape:/probe:ro" -v "$PWD/keys:/keys:ro" busybox sleep 1000 >/dev/null
    status=0
    tare exec -u $user web /probe take-keys || status=$?
    [ $status = 1 ] || { echo "FAIL: user $user of exec took a key: status $status"; exit 1; }
    tare rm -f web >/dev/null
  done
  # Without the filter keyctl works; ids of its own still keep the container away. Not so with the grant
  # caller-id, where its root is the caller: docs/security-model.md says it.
  if [ "$TEST_AS" = root ]; then
    status=0
    take --security-opt seccomp=unconfined || status=$?
    [ $status = 1 ] || { echo "FAIL: a container without filter took a key: status $status"; exit 1; }
  fi'
