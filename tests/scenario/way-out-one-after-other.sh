# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# as: user userns
# network: outside
# needs: ip nft slirp4netns python3
# Containers of an ordinary user that are started right after the last one has ended reach the outside: the network
# of before, and the service in it, are gone with that one.
. "$TEST_LIB"
image_busybox
"$(dirname "$TEST_LIB")/tools/web-server" 203.0.113.1 8080 >server.log 2>&1 &
server=$!
net_clean() { kill $server 2>/dev/null || true; }
eventually 10 grep -q ready server.log
for _ in 1 2 3 4; do
  tare run --rm busybox true
  assert_eq "$(tare run --rm busybox timeout 5 wget -q -O - http://ip-203-0-113-1.test:8080/file/one)" 'content of one'
done
