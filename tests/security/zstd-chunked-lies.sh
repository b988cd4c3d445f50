# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2119,SC2164
# as: root user
# needs: skopeo jq zstd
# A layer in the form zstd:chunked that is pulled in parts has the content that its image promises, whatever a
# server sends and whatever its list of files says; else all of it is pulled.
. "$TEST_LIB"
# shellcheck source=tests/registry.sh
. "$(dirname "$TEST_LIB")/registry.sh"

cd "$TMPDIR"
make_rootfs tree
head -c 2500000 /dev/urandom >tree/shared-1
head -c 2500000 /dev/urandom >tree/shared-2
# skopeo 1.9 leaves out what a tar has behind its two last blocks, and then the diff_id is another's.
tar -b1 -C tree -cf layer.tar .
docker_archive image.tar shared:1 layer.tar
tare load -q -i image.tar >/dev/null
head -c 30000 /dev/urandom >tree/own
tar -b1 -C tree -cf layer.tar .
docker_archive image.tar chunked:1 layer.tar
skopeo copy -q --format oci --dest-compress-format zstd:chunked docker-archive:image.tar oci:layout:1
sums=$(cd tree && sha256sum own shared-1 shared-2 bin/busybox)
right() {
  assert_eq "$(tare run --rm --network none "$1" sha256sum own shared-1 shared-2 bin/busybox)" "$sums"
  tare fsck >fsck.out || fail "fsck: $(cat fsck.out)"
}

# A server that tells no lies, for comparison.
start_liar --base layout
tare pull "$LIAR/x:1" >out
assert_lacks "$(cat out)" "Pulling all of it"
grep -q 'range=bytes=[0-9]*-[0-9]' "$LIAR_LOG" || fail "no parts were asked for: $(cat "$LIAR_LOG")"
right "$LIAR/x:1"
tare rmi --no-undo "$LIAR/x:1" >/dev/null

# Servers that lie about parts, or have none: the whole layer is pulled.
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
