# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# Mistakes on the command line: a sentence, the nearest right word, and a usage line.
. "$TEST_LIB"
image_busybox

error=$(not tare rnu busybox 2>&1)
assert_contains "$error" run
error=$(not tare run --hostnam x busybox 2>&1)
assert_contains "$error" --hostname
error=$(not tare run 2>&1)
assert_contains "$error" IMAGE
error=$(not tare run --rm --name 2>&1)
assert_contains "$error" name
error=$(not tare run --rm --cap-add NET_ADMIM busybox true 2>&1)
assert_contains "$error" NET_ADMIN
error=$(not tare run --rm --network nonsense busybox true 2>&1)
assert_contains "$error" 'network nonsense not found'
error=$(not tare run --rm -v rela/tive:/x busybox true 2>&1)
assert_contains "$error" "'rela/tive' includes invalid characters for a local volume name"
error=$(not tare run --rm --volume-driver nfs -v data:/x busybox true 2>&1)
assert_contains "$error" 'volumes are directories of the store'
error=$(not tare prune 2>&1)
assert_contains "$error" 'tare system prune'
error=$(not tare load --platform linux/arm64 -i "$TEST_CACHE/busybox-docker.tar" 2>&1)
assert_contains "$error" 'tare pull --platform'
# Also where no room is needed.
exits 125 tare --store-max 10x images 2>err
assert_contains "$(cat err)" "--store-max: '10x' is not a size"
error=$(not tare undo 2>&1)
assert_contains "$error" undo-time
# Options end at IMAGE; everything after it belongs to the program.
assert_eq "$(tare run --rm --network=none busybox echo --rm -x)" '--rm -x'
tare run --help | grep -q -- --read-only
tare --help | grep -q run
tare --version | grep -qi tare
tare info >/dev/null
