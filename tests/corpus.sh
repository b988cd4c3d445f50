# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# For scripts that build the applications of tests/corpus and use them:
# . "$(dirname "$TEST_LIB")/corpus.sh"
CORPUS=$(dirname "$TEST_LIB")/corpus

# The image debian:bookworm-slim, whatever this machine's Debian is, or this test is skipped.
corpus_debian() {
  [ -s "$TEST_CACHE/debian.tar" ] || skip 'no Debian root file system: its mirror could not be reached when the tests began'
  tare import "$TEST_CACHE/debian.tar" debian:bookworm-slim >/dev/null
}

# A large image that is removed, or taken apart, goes in the background.
corpus_emptied() { [ -z "$(ls -A "$TARE_ROOT/trash")" ]; }

# The same, and RUN reaches the mirror that this machine's apt uses.
corpus_mirror() {
  corpus_debian
  local mirror codename
  codename=$(tar -xOf "$TEST_CACHE/debian.tar" ./usr/lib/os-release | sed -n 's/^VERSION_CODENAME=//p')
  mirror=$(tar -xOf "$TEST_CACHE/debian.tar" --wildcards './etc/apt/sources.list*' | grep -v '^#' |
    grep -Eo 'https?://[^ ]+' | sed -n 1p)
  curl -fsSIL --max-time 20 "$mirror/dists/$codename/InRelease" >/dev/null 2>&1 || skip 'the Debian mirror of this machine cannot be reached'
}

# corpus_build NAME [OPTION...]: the image NAME of a copy of its context in ./NAME, said in ./log. RUN
# reaches other machines through the recorder alone, so that nothing of this machine's network is changed.
corpus_build() {
  local name=$1
  shift
  [ -e "$name" ] || cp -r "$CORPUS/$name" .
  tare build --progress plain --network recorded -t "$name" "$@" "$name" 2>log || fail "$(cat log)"
}

# corpus_again NAME [OPTION...]: every step again, of what the lock has, in a network without ways out.
corpus_again() {
  local name=$1
  shift
  corpus_build "$name" --locked --no-cache "$@"
}

# ask CONTAINER PORT PATH: what its web server there answers. Asked by a container in its network.
ask() { tare run --rm --network "container:$1" busybox wget -q -O - "http://127.0.0.1:$2$3" 2>/dev/null; }
answers() { ask "$@" >answer; }
is_healthy() { [ "$(tare inspect --format '{{.State.Health.Status}}' "$1")" = healthy ]; }
user_of() { tare exec "$1" sh -c 'id -u'; }
