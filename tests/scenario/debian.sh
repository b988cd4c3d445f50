# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# A whole Debian made by mmdebstrap: as plain tar, docker-archive and OCI archive, with bash, apt and id.
# as: root user
# needs: mmdebstrap skopeo
. "$TEST_LIB"

debian=$TEST_CACHE/debian.tar
[ -s "$debian" ] || skip 'no Debian root file system: its mirror could not be reached when the tests began'
export XDG_RUNTIME_DIR=$TMPDIR

# works NAME: the programs of a real distribution run in it.
works() {
  local out
  out=$(tare run --rm --network none "$1" bash -c 'apt-get --version && id && cat /proc/self/status')
  assert_contains "$out" 'apt '
  assert_contains "$out" 'uid=0(root)'
  assert_matches "$out" $'NoNewPrivs:\t1'
  assert_matches "$out" $'Seccomp:\t2'
}
tare import "$debian" debian:plain >/dev/null
works debian:plain
docker_archive archive.tar debian:archive "$debian"
tare rmi debian:plain >/dev/null
tare load -i archive.tar >/dev/null
works debian:archive
skopeo copy -q --insecure-policy docker-archive:archive.tar oci-archive:oci.tar:debian:oci
tare rmi debian:archive >/dev/null
tare load -i oci.tar >/dev/null
works debian:oci
# What was removed goes in the background.
emptied() { [ -z "$(ls -A "$TARE_ROOT/trash")" ]; }
eventually 200 emptied
