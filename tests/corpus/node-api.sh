# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# Node: node --test in a stage, .dockerignore with exceptions, COPY --exclude, a server that ends when told.
# as: root
# network: host
# needs: curl
. "$TEST_LIB"
. "$(dirname "$TEST_LIB")/corpus.sh"
corpus_mirror
image_busybox
corpus_build node-api
assert_contains "$(cat log)" '# pass 1'
tare run -d --name c --network none node-api >/dev/null
eventually 30 is_healthy c
assert_eq "$(user_of c)" 1000
assert_eq "$(ask c 3000 '/?of=20,22')" '{"version":"1.2.3","mode":"production","sum":42}'
assert_eq "$(tare exec c sh -c 'ls -A; stat -c %U server.js')" $'.dockerignore\n.env.example\nDockerfile\nlib\npackage.json\nserver.js\nnode'
tare stop -t 20 c >/dev/null
assert_eq "$(tare inspect --format '{{.State.ExitCode}}' c)" 0
# Up to a stage.
corpus_build node-api --target test
