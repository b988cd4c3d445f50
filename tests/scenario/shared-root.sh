# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# Where the root of the host is a shared mount, as systemd makes it, images are unpacked and containers
# started as anywhere else.
# as: root
. "$TEST_LIB"

cat >"$TMPDIR/inside" <<'TEXT'
set -e
mount --make-rshared /
grep -q ' / .* shared:' /proc/self/mountinfo
tare load -q -i "$TEST_CACHE/busybox-docker.tar" >/dev/null
before=$(wc -l </proc/self/mountinfo)
[ "$(tare run --rm --network none busybox echo started)" = started ]
[ "$(wc -l </proc/self/mountinfo)" = "$before" ]
TEXT
export TEST_CACHE
unshare --mount sh "$TMPDIR/inside"
