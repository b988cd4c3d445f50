# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# The proxy of a RUN is no way to this machine, to its containers or to other networks, is nobody else's, keeps the
# key of its certificates to itself, and leaves nothing in the result. A RUN whose recorder is killed fails.
# as: root
# network: outside
# needs: jq
. "$TEST_LIB"
[ -n "$(ip -4 addr show to 203.0.113.1)" ] || skip 'only root can make the host outside'
image_busybox
for address in 127.0.0.1 203.0.113.1; do
  : >"server-$address.log"
  "$(dirname "$TEST_LIB")/tools/web-server" $address 8080 >>"server-$address.log" 2>&1 &
  servers+=($!)
done
build=
net_clean() { kill "${servers[@]}" $build 2>/dev/null || true; }
for address in 127.0.0.1 203.0.113.1; do eventually 10 grep -q ready "server-$address.log"; done
tare run -d --name neighbour busybox sh -c 'mkdir /w; echo inner >/w/file; exec httpd -f -p 8080 -h /w' >/dev/null
neighbour=$(tare inspect --format '{{.NetworkSettings.IPAddress}}' neighbour)
gateway=$(tare inspect --format '{{.NetworkSettings.Gateway}}' neighbour)
ask='get() { printf "GET http://$1/file/x HTTP/1.0\r\n\r\n" | nc 127.0.0.1 61987 | head -1; }'
mkdir app

# With a recorder that asks from this machine's network: nothing of the machine, of its links and its containers,
# nor by a proxy that the image names.
cat >app/Dockerfile <<TEXT
FROM busybox
ENV http_proxy=http://127.0.0.1:8080
RUN $ask; for at in 127.0.0.1:8080 localhost:8080 127.1:8080 0.0.0.0:8080 '[::1]:8080' '[::ffff:127.0.0.1]:8080' 169.254.169.254 \
  203.0.113.1:8080 ip-127-0-0-1.test:8080 $neighbour:8080 $gateway:8080 224.0.0.1; do echo "\$at \$(get \$at)" >>/said; done; \
  echo "outside \$(get 203.0.113.9)" >>/said; ip -o addr | grep -vc ' lo ' >/devices || true
TEXT
tare build -q --network recorded -t app app >/dev/null 2>log || fail "$(cat log)"
said=$(tare run --rm --network none app cat /said)
assert_eq "$(grep -vc '40[03]' <<<"$said")" 1 "$said"
assert_matches "$said" 'outside HTTP/1.[01] 200'
assert_eq "$(tare run --rm --network none app cat /devices)" 0
for address in 127.0.0.1 203.0.113.1; do assert_lacks "$(cat "server-$address.log")" GET; done

# With its own network: what a container reaches, so not the loopback device of this machine.
cat >app/Dockerfile <<TEXT
FROM busybox
RUN $ask; get 127.0.0.1:8080 >/said; get ip-127-0-0-1.test:8080 >>/said; ls -la /run/tare-build >/files; \
  grep -rl 'PRIVATE KEY' /run /proc/*/environ >/keys 2>/dev/null; ! echo x >>/run/tare-build/certificates.pem; \
  cp /run/tare-build/certificates.pem /stolen; true
TEXT
tare build -q -t app app >/dev/null 2>log || fail "$(cat log)"
assert_lacks "$(tare run --rm --network none app cat /said)" 200
assert_lacks "$(cat server-127.0.0.1.log)" GET
assert_eq "$(tare run --rm --network none app cat /keys)" ''
assert_lacks "$(tare run --rm --network none app cat /stolen)" KEY

# Nobody else's; and a RUN does not go on without it.
printf 'FROM busybox\nRUN ip -o -4 addr show eth0; nc -l -p 7777 </dev/null >/dev/null & wget -q -O /x http://203.0.113.1:8080/file/x; sleep 60; true\n' >app/Dockerfile
timeout 100 tare build --progress plain app >log 2>&1 &
build=$!
eventually 20 grep -q 'inet [0-9]' log
eventually 20 grep -q 'GET /file/x' server-203.0.113.1.log
other=$(grep -oE 'inet [0-9.]+' log | head -1 | cut -d ' ' -f 2)
[ -n "$other" ] || fail "$(cat log)"
tare exec neighbour nc -w 2 "$other" 7777 </dev/null || fail 'the step is not on the same network'
not tare exec neighbour nc -w 2 "$other" 61987 </dev/null 2>/dev/null
tare=$(pgrep -P $build)
recorder=$(pgrep -P "$tare" tare-record)
kill -9 "$recorder"
exits 1 wait $build
assert_contains "$(cat log)" 'ended unexpectedly'
