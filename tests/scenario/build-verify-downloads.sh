# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# verify --rebuild needs no server: what ADD and RUN got is in the store, by the lock or by the image's record.
# as: root user
# network: outside
. "$TEST_LIB"
# shellcheck source=tests/web.sh
. "$(dirname "$TEST_LIB")/web.sh"
image_busybox
start_web 8080
mkdir app
cat >app/Dockerfile <<TEXT
FROM busybox
ADD $base/chunked/x /added
RUN wget -q -O /one $base/count
COPY . /context/
TEXT
tare build -q -t app app >/dev/null 2>log || fail "$(cat log)"
net_clean
tare verify --rebuild app app >out 2>log || { echo "status $?"; cat log; tail -5 server.log; exit 1; }
assert_contains "$(tare verify --rebuild --no-lock app app 2>log)" 'app comes from its recipe: 3 steps' "$(cat log)"
# A lock with another answer is not this image's.
sed 's,\(/count.*sha256:\)[0-9a-f]\{8\},\100000000,' app/Dockerfile.lock >other
not cmp -s other app/Dockerfile.lock
exits 1 tare verify --rebuild --lock other app app >out 2>log
assert_contains "$(cat log)" "which took another '$base/count'"
