# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# A database as official images have them: its entry point gives up root, its volume keeps what it has.
# as: root
# network: host
# needs: curl
. "$TEST_LIB"
. "$(dirname "$TEST_LIB")/corpus.sh"
corpus_mirror
corpus_build redis-store
ready() { [ "$(tare exec c redis-cli ping 2>/dev/null)" = PONG ]; }
tare run -d --name c --network none -v store:/data redis-store --appendonly yes >/dev/null
eventually 30 ready
assert_eq "$(tare exec c redis-cli set key value)" OK
assert_eq "$(tare exec c sh -c 'stat -c %u /proc/1 /data; umask')" $'999\n999\n0022'
tare stop -t 20 c >/dev/null
tare rm c >/dev/null
tare run -d --name c --network none -v store:/data redis-store --appendonly yes >/dev/null
eventually 30 ready
assert_eq "$(tare exec c redis-cli get key)" value
assert_contains "$(tare run --rm --network none redis-store id)" 'uid=0(root)'
