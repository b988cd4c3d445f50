# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2164
# as: root user
# needs: skopeo jq
# A layout comes from anybody: links in it lead neither to files of the host nor to places where something
# would be written, and what is no regular file is refused at once and not waited for.
. "$TEST_LIB"

cd "$TMPDIR"
skopeo copy -q "docker-archive:$TEST_CACHE/busybox-docker.tar" oci:good:1
layer=$(basename "$(find good/blobs/sha256 -size +500k)")

# refused LAYOUT WORDS: copying from it fails, soon, and says so.
refused() {
  exits 1 timeout 10 tare copy "oci:$1:1" "oci:$1-out:1" 2>err >&2
  assert_matches "$(cat err)" "$2"
  [ ! -e "$1-out/index.json" ] || fail "$1 was copied"
}
# A blob, even one with the right content, that is outside.
cp -r good link
mv "link/blobs/sha256/$layer" outside
ln -s "$TMPDIR/outside" "link/blobs/sha256/$layer"
refused link 'no file'
cp -r good pipe
rm "pipe/blobs/sha256/$layer"
mkfifo "pipe/blobs/sha256/$layer"
refused pipe 'not a regular file'
cp -r good index
rm index/index.json
mkfifo index/index.json
refused index 'not a regular file'
cp -r good name
jq '.manifests[0].digest = "sha256:../../../../etc/passwd"' good/index.json >name/index.json
refused name 'digest'

# As the destination.
mkdir elsewhere target target2
cp good/oci-layout target/
ln -s "$TMPDIR/elsewhere" target/blobs
exits 1 timeout 10 tare copy oci:good:1 oci:target:1 2>/dev/null >&2
cp good/oci-layout target2/
mkdir target2/blobs
ln -s "$TMPDIR/elsewhere" target2/blobs/sha256
exits 1 timeout 10 tare copy oci:good:1 oci:target2:1 2>/dev/null >&2
[ -z "$(ls -A elsewhere)" ] || fail "written outside of the layout: $(ls -A elsewhere)"
cp -r good target3
rm target3/index.json
mkfifo target3/index.json
exits 1 timeout 10 tare copy oci:good:1 oci:target3:2 2>/dev/null >&2
echo '{"imageLayoutVersion":"2.0.0"}' >good/oci-layout
exits 1 tare copy oci:link:1 oci:good:2 2>/dev/null >&2
