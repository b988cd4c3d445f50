# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# Dockerfile.lock names what a build took, and changes nothing: neither the image nor itself when there is nothing
# new. --locked takes that again, without the server, and nothing else.
# network: outside
# needs: jq
. "$TEST_LIB"
# shellcheck source=tests/web.sh
. "$(dirname "$TEST_LIB")/web.sh"
image_busybox
start_web 8080
mkdir app
cat >app/Dockerfile <<TEXT
FROM busybox AS first
RUN wget -q -O /one $base/count && wget -q -O /two $base/count && wget -q -O /other $base/chunked/x && wget -q -O- $base/fail/404 || true
FROM busybox
COPY --from=first /one /two /other /
COPY . /context/
TEXT
id=$(tare build -q -t app app 2>log) || fail "$(cat log)"
lock=app/Dockerfile.lock
assert_eq "$(jq -r '.version, .sources[0].image, .runs[0].step[0:11]' $lock)" $'1\ndocker-image://busybox\n[first] RUN'
assert_eq "$(jq -r '.runs[0].downloads[] | "\(.status // 200) \(.url)"' $lock)" "200 $base/chunked/x
200 $base/count
200 $base/count
404 $base/fail/404"
assert_eq "$(tare run --rm --network none app ls /context)" Dockerfile
# Nothing new: the file is not touched, and the image is the same with it.
before=$(stat -c %i.%y $lock)
assert_eq "$(tare build -q app)" "$id"
assert_eq "$(stat -c %i.%y $lock)" "$before"

# Without the server and without the cache: the same, from what is kept.
net_clean
assert_eq "$(tare build -q --locked --no-cache app 2>log)" "$id" "$(cat log)"
assert_eq "$(stat -c %i.%y $lock)" "$before"
# Another instruction may ask for it, too; what is not in the lock is refused.
sed -i 's/-O- /-O - /' app/Dockerfile
tare build -q --locked app >/dev/null 2>log || fail "$(cat log)"
sed -i "s,$base/chunked/x,$base/chunked/y," app/Dockerfile
not tare build -q --locked app >/dev/null 2>log
assert_contains "$(cat log)" "what the lock does not have: 'GET $base/chunked/y'"
assert_contains "$(cat log)" 'without --locked'
assert_contains "$(cat log)" 'Dockerfile:2'
# Nothing but the recorder is there.
printf 'FROM busybox\nRUN ! nc -w 2 203.0.113.1 8080 </dev/null 2>&1 && ip addr | grep -q eth0 && false || true\n' >app/Dockerfile
tare build -q --locked app >/dev/null 2>log || fail "$(cat log)"
printf 'FROM busybox:other\n' >app/Dockerfile
not tare build -q --locked app >/dev/null 2>log
assert_contains "$(cat log)" "image 'busybox:other' is not in the lock"

# What it is not: part of a Dockerfile of elsewhere; written by --no-lock; a reason to fail.
rm $lock
printf 'FROM busybox\nRUN env >/env\n' | tare build -q -t plain - >/dev/null
[ ! -e $lock ] || fail 'a lock for standard input'
printf 'FROM busybox\nRUN env >/env\n' >app/Dockerfile
tare build -q --no-lock --no-cache -t plain app >/dev/null
[ ! -e $lock ] || fail '--no-lock wrote one'
assert_lacks "$(tare run --rm --network none plain cat /env)" proxy
tare build -q --lock other.lock app >/dev/null
assert_eq "$(jq -r '.sources[].image' other.lock)" docker-image://busybox
not tare build -q --locked app 2>log
assert_contains "$(cat log)" 'there is no lock'
echo nonsense >other.lock
not tare build -q --lock other.lock app 2>log
assert_contains "$(cat log)" other.lock
mkdir nowhere.lock
tare build -q --lock nowhere.lock app >/dev/null 2>log
assert_contains "$(cat log)" 'is not written'
