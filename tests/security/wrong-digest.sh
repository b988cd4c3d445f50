# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# A manifest that names a digest its blob does not have: refused, and nothing of it stays.
# needs: skopeo jq
. "$TEST_LIB"

export XDG_RUNTIME_DIR=$TMPDIR
skopeo copy -q --insecure-policy "docker-archive:$TEST_CACHE/busybox-docker.tar" oci:good:busybox:latest
manifest=good/blobs/sha256/$(jq -r '.manifests[0].digest' good/index.json | cut -d : -f 2)
layer=$(jq -r '.layers[0].digest' "$manifest" | cut -d : -f 2)
config=$(jq -r '.config.digest' "$manifest" | cut -d : -f 2)

for blob in "$layer" "$config" "$(basename "$manifest")"; do
  rm -rf bad
  cp -r good bad
  printf ' ' >>"bad/blobs/sha256/$blob"
  error=$(not tare load -i bad 2>&1)
  assert_matches "$error" 'digest|size|sha256'
  assert_eq "$(tare images -q)" ''
  tar -C bad -cf bad.tar .
  not tare load -i bad.tar
done
# The same size but other bytes.
cp -r good/. bad
printf 'X' | dd of="bad/blobs/sha256/$layer" bs=1 seek=100 conv=notrunc status=none
not tare load -i bad
# diff_ids that are not those of the layers.
docker_archive image.tar liar:latest "$TEST_CACHE/busybox.tar"
mkdir x
tar -C x -xf image.tar
sed -i -E 's/sha256:[0-9a-f]{8}/sha256:00000000/' x/config.json
(cd x && tar -cf ../liar.tar -- *)
error=$(not tare load -i liar.tar 2>&1)
assert_contains "$error" digest
# A digest as a path.
rm -rf bad && cp -r good bad
jq '.manifests[0].digest = "sha256:../../../../etc/passwd"' good/index.json >bad/index.json
not tare load -i bad
assert_eq "$(tare images -q)" ''
assert_eq "$(tare images -aq)" ''
