# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# needs: python3
# ADD of a URL: its name, mode and owner in the image; what is not fetched again, and why; broken connections;
# checksums; and no password in any record.
. "$TEST_LIB"
# shellcheck source=tests/registry.sh
. "$(dirname "$TEST_LIB")/registry.sh"
image_busybox
unset http_proxy https_proxy no_proxy all_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY
mkdir www app
head -c 3000000 /dev/urandom | base64 >www/file.txt
mkdir tree
echo inside >tree/inside
tar -C tree -cf www/tree.tar inside
start_tool web www
web=$TOOL log=$TOOL_LOG
sum=sha256:$(sha256sum www/file.txt | cut -d ' ' -f 1)
build() { tare build --network none --progress plain -t app -f - app >out 2>&1 || fail "$(cat out)"; }
look() { tare run --rm --network none app "$@"; }
said() { tr -d '\0' <"$log"; }
requests() { said | grep -c "${1-.}" || true; }

# Names and modes.
cat >first <<TEXT
FROM busybox
ADD http://$web/file.txt /name
ADD http://$web/file.txt?a=b#c /dir/
ADD http://$web/file.txt /tmp
ADD --chown=5:6 --chmod=640 http://$web/plain/file.txt /own
ADD http://$web/tree.tar /packed/
ADD --unpack=true http://$web/tree.tar /unpacked/
ADD --unpack http://$web/file.txt /not-packed
TEXT
build <first
assert_eq "$(look stat -c '%a %u %g' /name /own | xargs)" '600 0 0 640 5 6'
assert_eq "$(look sha256sum /name /dir/file.txt /tmp/file.txt /own /not-packed | cut -d ' ' -f 1 | sort -u)" "${sum#*:}"
assert_eq "$(look cat /unpacked/inside)" inside
assert_eq "$(look ls /packed)" tree.tar
# Asked for again, and not sent again, unless nothing tells whether it has changed; then its content does.
: >"$log"
build <first
assert_contains "$(cat out)" '7 of 7 steps were there'
assert_eq "$(requests ' 200 ')" 1 'files that were sent again'
assert_contains "$(said | grep ' 200 ')" plain
printf 'FROM busybox\nADD http://%s/modified/file.txt /a\n' "$web" >second
build <second
: >"$log"
build <second
assert_contains "$(said)" ' 304 '
# Another content is another step.
build <first
echo new >www/file.txt
build <first
assert_contains "$(cat out)" "again, because http://$web/file.txt changed"
assert_eq "$(look cat /name)" new

# With a checksum nobody is asked who need not be.
sum=sha256:$(sha256sum www/file.txt | cut -d ' ' -f 1)
printf 'FROM busybox\nADD --checksum=%s http://%s/file.txt /a\n' "$sum" "$web" >third
: >"$log"
build <third
assert_eq "$(requests)" 0 'requests for what is here'
tare builder prune -af >/dev/null
build <third
assert_eq "$(requests)" 1
build <third
assert_contains "$(cat out)" '1 of 1 steps were there'
assert_eq "$(requests)" 1
# It is the build cache's, and goes with it.
blob=$TARE_ROOT/blobs/sha256/${sum#*:}
assert_eq "$(cat "$blob")" new
assert_contains "$(tare df --why "$blob")" 'step of a build'
tare system prune -f >/dev/null
[ -e "$blob" ] || fail 'what was fetched is gone'
assert_contains "$(grep -rh '"uri"' "$TARE_ROOT/steps")" "http://$web/file.txt"
tare builder prune -af >/dev/null
[ ! -e "$blob" ] || fail 'what was fetched is there'
# The wrong one: nothing of it stays.
: >"$log"
printf 'FROM busybox\nADD --checksum=sha256:%064d http://%s/file.txt /a\n' 7 "$web" >wrong
not tare build --network none -f wrong app >out 2>&1
assert_contains "$(cat out)" "$sum"
assert_contains "$(cat out)" 'wrong:2'
[ -z "$(ls "$TARE_ROOT/downloads")" ] || fail 'a part stays'
[ ! -e "$blob" ] || fail 'it was kept'

# Broken connections go on where they ended, unless it is another file by then.
seq 1 200000 | sed s/^/line/ >www/long
printf 'FROM busybox\nADD http://%s/broken/long /a\nADD http://%s/changed/long /b\n' "$web" "$web" >fourth
build <fourth
assert_eq "$(look sha256sum /a | cut -d ' ' -f 1)" "$(sha256sum <www/long | cut -d ' ' -f 1)"
assert_contains "$(said | grep broken/long)" ' 206 '
assert_eq "$(look sha256sum /b | cut -d ' ' -f 1)" "$(tr '[:lower:]' '[:upper:]' <www/long | sha256sum | cut -d ' ' -f 1)"
# What cannot be had.
for path in nothing status/403/ private/long; do
  printf 'FROM busybox\nADD http://%s/%s /a\n' "$web" "$path" >bad
  not tare build --network none -f bad app >out 2>&1
  assert_contains "$(cat out)" "http://$web/$path"
done
printf 'FROM busybox\nADD http://%s/to/http%%3A%%2F%%2F%s%%2Flong /there\n' "$web" "$web" | build
# A password is told to its origin and to nobody else, and to no record.
printf 'FROM busybox\nADD http://ann:s3cret@%s/private/long /a\n' "$web" | build
assert_eq "$(look wc -l </dev/null /a | cut -d ' ' -f 1)" 200000
assert_lacks "$(cat out; tare history --no-trunc app; tare inspect app)" s3cret
not grep -rl s3cret "$TARE_ROOT"
