# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# Go: a static program for the target's architecture, alone in its image but for a user's name.
# as: root
# network: host
# needs: curl jq
. "$TEST_LIB"
. "$(dirname "$TEST_LIB")/corpus.sh"
corpus_mirror
image_busybox
corpus_build go-static --build-arg VERSION=2.0
assert_contains "$(cat log)" 'example.org/hello/greet'
assert_eq "$(tare run --rm --network none go-static you)" 'hello you 2.0'
tare run -d --name c --network none go-static >/dev/null
eventually 30 answers c 8080 '/?name=web'
assert_eq "$(cat answer)" 'hello web 2.0 65532'
tare save go-static -o image.tar
mkdir image
tar -C image -xf image.tar
jq -r '.[0].Layers[]' image/manifest.json | while read -r layer; do tar -tf "image/$layer"; done | grep -v '/$' | sort >files
assert_eq "$(cat files)" $'etc/passwd\nhello'
