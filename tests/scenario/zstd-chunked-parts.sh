# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2119,SC2164
# as: root user
# needs: docker-registry skopeo jq zstd
# Of a layer in the form zstd:chunked only what is not here is pulled, and nothing that its list of files
# says is believed.
. "$TEST_LIB"
# shellcheck source=tests/registry.sh
. "$(dirname "$TEST_LIB")/registry.sh"

start_registry
cd "$TMPDIR"
# written: bytes that the registry has sent.
written() { sed -n 's/.*http.response.written=\([0-9]*\).*/\1/p' "$REGISTRY_DIR/log" | awk '{n += $1} END {print n + 0}'; }
# make_image N TARGET: busybox, large files that all have, and one of its own.
make_rootfs tree
head -c 2500000 /dev/urandom >tree/shared-1
head -c 2500000 /dev/urandom >tree/shared-2
make_image() {
  head -c 30000 /dev/urandom >tree/own
  echo "$1" >tree/version
  # skopeo 1.9 leaves out what a tar has behind its two last blocks, and then the diff_id is another's.
  tar -b1 -C tree -cf "layer-$1.tar" .
  docker_archive image.tar "chunked:$1" "layer-$1.tar"
  skopeo copy -q --dest-tls-verify=false --format oci --dest-compress-format zstd:chunked \
    docker-archive:image.tar "$2"
}
make_image 1 "docker://$REGISTRY/chunked:1"
make_image 2 "docker://$REGISTRY/chunked:2"
sums=$(cd tree && sha256sum own shared-1 shared-2 bin/busybox)
manifest=$(skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/chunked:2")
digest=sha256:$(printf %s "$manifest" | sha256sum | cut -d ' ' -f 1)
blob=$(jq -r '.layers[0].digest' <<<"$manifest")
size=$(jq -r '.layers[0].size' <<<"$manifest")
right() {
  assert_eq "$(tare run --rm --network none "$1" sha256sum own shared-1 shared-2 bin/busybox)" "$sums"
  tare fsck >fsck.out || fail "fsck: $(cat fsck.out)"
}

tare pull -q "$REGISTRY/chunked:1" >/dev/null
before=$(written)
assert_contains "$(tare pull "$REGISTRY/chunked:2")" "Digest: $digest"
eventually 5 grep -q "GET.*$blob" "$REGISTRY_DIR/log"
came=$(($(written) - before))
[ $came -gt 0 ] || fail "the bytes are not counted"
[ $((came * 5)) -lt "$size" ] || fail "$came of $size bytes came"
[ ! -e "$TARE_ROOT/blobs/sha256/${blob#sha256:}" ] || fail "its blob is here"
right "$REGISTRY/chunked:2"

# Where it came from it can be pushed to; for another place its bytes are needed.
tare tag "$REGISTRY/chunked:2" "$REGISTRY/chunked:again"
assert_contains "$(tare push "$REGISTRY/chunked:again")" "again: digest: $digest"
tare tag "$REGISTRY/chunked:2" "$REGISTRY/mounted:1"
assert_contains "$(tare push "$REGISTRY/mounted:1")" "1: digest: $digest"
first=$REGISTRY
start_registry
elsewhere=$REGISTRY/chunked:2 REGISTRY=$first
tare tag "$REGISTRY/chunked:2" "$elsewhere"
not tare push "$elsewhere" 2>err
assert_contains "$(cat err)" "tare pull --whole"
not tare save -o saved.tar "$REGISTRY/chunked:2" 2>err
assert_contains "$(cat err)" "pulled in parts"
assert_contains "$(cat err)" "tare pull --whole"
not tare copy -q store:"$REGISTRY/chunked:2" oci:copied:1 2>err
assert_contains "$(cat err)" "tare pull --whole"
tare rmi "$REGISTRY/chunked:again" "$REGISTRY/mounted:1" "$elsewhere" >/dev/null
tare pull -q "$REGISTRY/chunked:2" >/dev/null
[ ! -e "$TARE_ROOT/blobs/sha256/${blob#sha256:}" ] || fail "pulled again without need"
tare pull -q --whole "$REGISTRY/chunked:2" >/dev/null
assert_eq "$(sha256sum <"$TARE_ROOT/blobs/sha256/${blob#sha256:}")" "${blob#sha256:}  -"
tare save -o saved.tar "$REGISTRY/chunked:2"
right "$REGISTRY/chunked:2"
tare rmi --no-undo "$REGISTRY/chunked:2" >/dev/null

# One that is damaged is got again, all of it: nothing here has its bytes.
tare pull -q "$REGISTRY/chunked:2" >/dev/null
[ ! -e "$TARE_ROOT/blobs/sha256/${blob#sha256:}" ] || fail "its blob is here again"
echo garbage >garbage
cp -f garbage "$TARE_ROOT/layers/$(sha256sum <layer-2.tar | cut -d ' ' -f 1).tar"
exits 1 tare fsck >/dev/null
tare fsck --repair >repaired || fail "not repaired: $(cat repaired)"
right "$REGISTRY/chunked:2"
tare rmi --no-undo "$REGISTRY/chunked:2" >/dev/null

# Servers that lie about parts, or have none: the whole layer is pulled.
make_image 3 oci:layout:1
sums=$(cd tree && sha256sum own shared-1 shared-2 bin/busybox)
for lie in no-ranges wrong-part=1 wrong-part=2 wrong-range; do
  start_liar --base layout "$lie"
  tare pull "$LIAR/x:1" >out
  assert_contains "$(cat out)" "Pulling all of it"
  right "$LIAR/x:1"
  tare rmi --no-undo "$LIAR/x:1" >/dev/null
done

# A list that gives the place of one file to another that is here: its content does not get in.
python3 - "$(sha256sum <tree/shared-2 | cut -d ' ' -f 1)" <<'PY'
import hashlib, json, pathlib, struct, subprocess, sys
blobs = pathlib.Path("layout/blobs/sha256")
def put(data):
    name = hashlib.sha256(data).hexdigest()
    (blobs / name).write_bytes(data)
    return "sha256:" + name
index = json.loads(pathlib.Path("layout/index.json").read_text())
manifest = json.loads((blobs / index["manifests"][0]["digest"][7:]).read_text())
layer = manifest["layers"][0]
data = (blobs / layer["digest"][7:]).read_bytes()
key = next(k for k in layer["annotations"] if k.endswith("manifest-position"))
offset, length, _, _ = map(int, layer["annotations"][key].split(":"))
toc = json.loads(subprocess.run(["zstd", "-dc"], input=data[offset:offset + length], capture_output=True).stdout)
entry = next(e for e in toc["entries"] if e["name"] == "./shared-1" and e["type"] == "reg")
entry["digest"], entry["size"] = "sha256:" + sys.argv[1], 2500000
text = json.dumps(toc).encode()
packed = subprocess.run(["zstd", "-c"], input=text, capture_output=True).stdout
data = data[:offset - 8] + struct.pack("<II", 0x184D2A50, len(packed)) + packed
layer["annotations"] = {key: f"{offset}:{len(packed)}:{len(text)}:1",
                        key.replace("position", "checksum"): "sha256:" + hashlib.sha256(packed).hexdigest()}
layer["digest"], layer["size"] = put(data), len(data)
text = json.dumps(manifest).encode()
index["manifests"][0].update(digest=put(text), size=len(text))
pathlib.Path("layout/index.json").write_text(json.dumps(index))
PY
start_liar --base layout
tare pull "$LIAR/x:1" >out
assert_contains "$(cat out)" "Pulling all of it: its parts make the uncompressed digest"
right "$LIAR/x:1"
