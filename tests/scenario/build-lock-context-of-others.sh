# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# as: root user
# The locks of all builds are left out of contexts, by what is in them; other files of that name are not. What a lock
# is that cannot be written is named.
. "$TEST_LIB"
image_busybox
mkdir -p app/other
printf 'FROM busybox\nCOPY . /app/\n' >app/Dockerfile
printf 'FROM busybox\nENV OTHER=1\nCOPY . /app/\n' >app/other/Dockerfile
printf '[[package]]\nname = "x"\n' >app/Cargo.lock
echo '{"format": "other"}' >app/empty.lock
build() { tare build -q --network none -t "$1" "${@:2}" 2>log || fail "$(cat log)"; }
id=$(build app app)
other=$(build other -f app/other/Dockerfile app)
for lock in app app/other; do [ -s $lock/Dockerfile.lock ] || fail "no lock in $lock"; done
assert_eq "$(build app app)" "$id" 'the image with the lock of another Dockerfile in its context'
assert_eq "$(build other -f app/other/Dockerfile app)" "$other"
assert_eq "$(build app --no-lock app)" "$id"
assert_eq "$(tare run --rm --network none app find /app -type f | sort | tr '\n' ' ')" \
  '/app/Cargo.lock /app/Dockerfile /app/empty.lock /app/other/Dockerfile '
# In a named context, and as a mount; printed in another way.
tr -d ' \n' <app/other/Dockerfile.lock >app/other/Small.lock
printf 'FROM busybox\nRUN --mount=type=bind,target=/here find /here -name "*.lock" | sort >/seen\nCOPY --from=more . /more/\n' >app/Dockerfile
build app --build-context more=app/other app
assert_eq "$(tare run --rm --network none app sh -c 'cat /seen && ls /more' | tr '\n' ' ')" \
  '/here/Cargo.lock /here/empty.lock Dockerfile '
printf 'FROM busybox\nCOPY other/Dockerfile.lock /\n' >app/Dockerfile
not tare build -q --network none app >out 2>log
assert_contains "$(cat log)" 'it is the lock of a build'

printf 'FROM busybox\n' >app/Dockerfile
mkdir nowhere.lock
tare build -q --lock nowhere.lock app >out 2>log
assert_contains "$(cat log)" "the lock 'nowhere.lock' is not written"
assert_lacks "$(cat log)" .part
