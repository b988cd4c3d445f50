# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2119,SC2164
# as: root user
# needs: skopeo python3 jq
# Registries and layouts say how large things are. That neither fills the disk nor removes what is there:
# the store's budget holds for pulls and copies, and makes room only for bytes that have come and are right.
. "$TEST_LIB"
# shellcheck source=tests/registry.sh
. "$(dirname "$TEST_LIB")/registry.sh"
cd "$TMPDIR"
image_busybox
skopeo copy -q "docker-archive:$TEST_CACHE/busybox-docker.tar" oci:good:1
mkdir small
head -c 1000000 /dev/urandom >small/file
tar -C small -cf - . | tare import -q - other >/dev/null
names() { tare images --format '{{.Repository}}' | sort | tr '\n' ' '; }
before=$(names)
used=$(tare df --format '{{if eq .Class "total"}}{{.Bytes}}{{end}}' | tr -d '\n')

refused() {  # WORDS COMMAND...
  local words=$1
  shift
  exits 1 timeout 20 "$@" >out 2>err
  assert_contains "$(cat err)" "$words"
  assert_eq "$(names)" "$before" 'what is here'
}
# A size that fits when everything else goes, and one that never fits.
start_liar --base good @fits size=$((used + 2000000)) @never size=3000000000
refused '' tare --store-max $((used + 4000000)) pull -q "$LIAR/fits:1"
refused 'room for' tare --store-max $((used + 4000000)) pull -q "$LIAR/never:1"
refused 'room for' tare --store-max $((used + 4000000)) copy "docker://$LIAR/never:1" store:x:1
refused 'room for' tare --store-max $((used + 4000000)) copy "docker://$LIAR/never:1" oci:place:1

# put LAYOUT FILE: adds a blob, says its digest.
put() {
  local digest
  digest=$(sha256sum <"$2" | cut -d ' ' -f 1)
  cp "$2" "$1/blobs/sha256/$digest"
  echo "$digest"
}
# name LAYOUT MANIFEST: what the layout's tag stands for.
name() {
  local digest
  digest=$(put "$1" "$2")
  jq -c ".manifests[0].digest = \"sha256:$digest\" | .manifests[0].size = $(stat -c %s "$2")" "$1/index.json" >new.json
  mv new.json "$1/index.json"
}
# A layer of zeros, which is the same to the digest: only the budget says that it is too large.
cp -r good bomb
mkdir tree
truncate -s 300M tree/zeros
tar -C tree -cf - . | tee >(sha256sum | cut -d ' ' -f 1 >diff_id) | gzip -1 >layer
eventually 5 test -s diff_id
layer=$(put bomb layer)
manifest=bomb/$(jq -r '.manifests[0].digest' bomb/index.json | sed 's,^sha256:,blobs/sha256/,')
config=bomb/$(jq -r '.config.digest' "$manifest" | sed 's,^sha256:,blobs/sha256/,')
jq -c ".rootfs.diff_ids = [\"sha256:$(cat diff_id)\"] | del(.history)" "$config" >config.json
jq -c ".config.digest = \"sha256:$(put bomb config.json)\" | .config.size = $(stat -c %s config.json) |
  .layers = [.layers[0] | .digest = \"sha256:$layer\" | .size = $(stat -c %s layer)]" "$manifest" >manifest.json
name bomb manifest.json
refused 'files of the archive have more than' tare --store-max $((used + 50000000)) copy oci:bomb:1 store:x:1

# A manifest that has its config as its layer.
cp -r good twice
manifest=twice/$(jq -r '.manifests[0].digest' twice/index.json | sed 's,^sha256:,blobs/sha256/,')
jq -c '.layers = [.layers[0] + {digest: .config.digest, size: .config.size}]' "$manifest" >manifest.json
name twice manifest.json
refused 'as a layer' tare copy oci:twice:1 store:x:1

# Manifests that together are more than memory should hold.
cp -r good many
manifest=many/$(jq -r '.manifests[0].digest' many/index.json | sed 's,^sha256:,blobs/sha256/,')
head -c 3500000 /dev/zero | tr '\0' x >pad
for i in $(seq 12); do
  jq -c --rawfile pad pad ".annotations.x = \$pad | .annotations.y = \"$i\"" "$manifest" >big.json
  printf '{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:%s","size":%s}\n' \
    "$(put many big.json)" "$(stat -c %s big.json)"
done | jq -cs '{schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests: .}' >index.json
jq -c '.manifests[0].mediaType = "application/vnd.oci.image.index.v1+json"' many/index.json >new.json
mv new.json many/index.json
name many index.json
refused 'together' tare copy --all oci:many:1 oci:place2:1

# What is right makes room by what nothing uses, when it is here.
start_liar --base good
tare --store-max $((used + 200000)) pull -q "$LIAR/x:1" >/dev/null 2>&1
assert_lacks "$(names)" other
tare fsck >/dev/null
