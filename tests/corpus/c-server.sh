# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# gcc and make in a stage, caches for apt, a version from outside, a health check; and the same again, recorded.
# as: root user
# network: host
# needs: curl jq
. "$TEST_LIB"
. "$(dirname "$TEST_LIB")/corpus.sh"
corpus_mirror
image_busybox
corpus_build c-server --build-arg VERSION=1.4
assert_contains "$(cat log)" '2 checks passed'
assert_eq "$(tare inspect --format '{{index .Config.Labels "org.opencontainers.image.version"}}' c-server)" 1.4
not tare run --rm --network none --entrypoint gcc c-server --version 2>/dev/null
tare run -d --name c --network none c-server >/dev/null
eventually 20 is_healthy c
assert_contains "$(tare logs c)" 'listening as 990'
say() { tare run --rm --network container:c busybox sh -c "echo $1 | nc -w 2 127.0.0.1 7000"; }
assert_eq "$(say version)" 'counterd 1.4'
assert_matches "$(say count)" '^[1-9]'
tare stop c >/dev/null
assert_contains "$(tare logs c)" stopped

# What the compiler gets is the same when nothing is downloaded any more: so is the program.
program() { tare run --rm --network none --entrypoint sha256sum c-server /usr/local/bin/counterd; }
before=$(program)
corpus_again c-server --build-arg VERSION=1.4
assert_eq "$(program)" "$before"

# One file changed: the packages stay, the compiler runs again and says why.
sed -i 's/unknown: /no such thing: /' c-server/src/reply.c
corpus_build c-server --build-arg VERSION=1.4
assert_lacks "$(cat log)" 'Unpacking gcc'
assert_contains "$(cat log)" 'reply.c'
tare run -d --name d --network none c-server >/dev/null
eventually 20 is_healthy d
assert_eq "$(tare run --rm --network container:d busybox sh -c 'echo x | nc -w 2 127.0.0.1 7000')" 'no such thing: x'
eventually 250 corpus_emptied
