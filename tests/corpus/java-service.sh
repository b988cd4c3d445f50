# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# Java: a jar made by the JDK, run by the runtime, packages in caches that are not in the image.
# as: root
# network: host
# needs: curl
. "$TEST_LIB"
. "$(dirname "$TEST_LIB")/corpus.sh"
corpus_mirror
image_busybox
corpus_build java-service
tare run -d --name c --network none java-service >/dev/null
eventually 60 logs_contain c ready
assert_eq "$(ask c 8080 /)" 'service 3.1'
assert_eq "$(user_of c)" 1001
assert_lacks "$(tare exec c sh -c "ls -A /var/cache/apt/archives /var/lib/apt/lists")" _
not tare exec c sh -c 'command -v javac'
