# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# What servers answer that could be read in two ways, or could not be given again, reaches the program in one way, and
# is noted so; what ends HTTP is refused; and why something was refused, or not got at all, is told.
# as: root user
# network: outside
# needs: jq
. "$TEST_LIB"
# shellcheck source=tests/web.sh
. "$(dirname "$TEST_LIB")/web.sh"
image_busybox
start_web 8080
mkdir files app
raw() { printf '%b' "$2" >"files/$1.raw"; }
raw both 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n0\r\nX-Trailer: HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n'
raw two 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\ntwo!'
raw early 'HTTP/1.1 103 Early Hints\r\nLink: </early>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nearly\n'
raw switch 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: other\r\nConnection: Upgrade\r\n\r\nother'
raw latin 'HTTP/1.1 200 OK\r\nContent-Disposition: attachment; filename="gr\0374n"\r\nContent-Length: 6\r\n\r\nlatin\n'
raw user 'HTTP/1.1 302 Found\r\nLocation: http://me:geheim@ip-203-0-113-1.test:8080/file/one\r\nContent-Length: 0\r\n\r\n'
cat >app/Dockerfile <<TEXT
FROM busybox
COPY ask /
RUN for what in both two early switch latin user; do sh /ask $base/raw/\$what; done >/said; wget -q -O /one $base/raw/user
TEXT
# With the head: what a program is told, and not what it makes of it.
cat >app/ask <<'TEXT'
printf 'GET %s HTTP/1.1\r\nHost: x\r\nConnection: close, Upgrade\r\nUpgrade: other\r\n\r\n' "$1" |
  nc "${http_proxy:7:9}" "${http_proxy##*:}" | tr -d '\r'
TEXT
build() { tare build --progress plain -t app "$@" app >log 2>&1 || fail "$(cat log)"; }
file() { tare run --rm --network none app cat "$1"; }
build
said=$(file /said)
assert_contains "$said" $'HTTP/1.1 200 OK\ntransfer-encoding: chunked\nconnection: close\n\n3\none\n0\n'
assert_contains "$said" "HTTP/1.1 502 Bad Gateway (tare: $base/raw/two: the server's answer has two lengths)"
assert_contains "$said" $'HTTP/1.1 200 OK\ncontent-length: 6\nconnection: close\n\nearly\n'
assert_contains "$said" "502 Bad Gateway (tare: $base/raw/switch: the server's answer switches to another protocol (101)"
assert_contains "$said" 'Content-Disposition: attachment; filename="gr%FCn"'
assert_contains "$said" 'Location: http://me:geheim@'
assert_lacks "$said" Early
assert_lacks "$said" X-Trailer
assert_lacks "$(cat server.log)" 'header Upgrade'
assert_eq "$(file /one)" 'content of one'
# The build tells it, too.
assert_contains "$(cat log)" "tare: $base/raw/two: the server's answer has two lengths"
assert_contains "$(cat log)" "tare: $base/raw/switch: "
assert_lacks "$(cat app/Dockerfile.lock)" geheim
assert_eq "$(jq -r '.runs[].downloads[] | select(.headers != null) | .headers[]' app/Dockerfile.lock | grep -v etag)" \
  $'content-type: text/plain\ncontent-disposition: attachment; filename="gr%FCn"\nlocation: http://ip-203-0-113-1.test:8080/file/one'
# The same again, as far as it was noted.
cat >app/Dockerfile <<TEXT
FROM busybox
COPY ask /
RUN for what in both early latin; do sh /ask $base/raw/\$what; done >/said; wget -q -O /one $base/raw/user
TEXT
build
net_clean
build --locked --no-cache
assert_eq "$(file /said | grep -o 'filename=.*\|^early\|^latin\|^one')" $'one\nearly\nfilename="gr%FCn"\nlatin'
assert_eq "$(file /one)" 'content of one'

# A server that is down is not waited for, and is named. (Asked again until the network is there, it was two seconds.)
printf 'FROM busybox\nRUN cut -d . -f 1 /proc/uptime >/before; ! wget -q -O /file %s/file/one 2>/said; cut -d . -f 1 /proc/uptime >/behind\n' "$base" >app/Dockerfile
build
[ $(($(file /behind) - $(file /before))) -lt 2 ] || fail "a server that is down was waited for"
assert_contains "$(file /said)" "502 Bad Gateway (tare: $base/file/one: "
assert_contains "$(cat log)" "tare: $base/file/one: Failed to connect"
