# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116,SC2119
# as: root user
# needs: skopeo jq python3
# Layout directories with what no layout has in them: nobody waits for a fifo, and nothing from outside
# the directory is read.
. "$TEST_LIB"

export XDG_RUNTIME_DIR=$TMPDIR
skopeo copy -q --insecure-policy "docker-archive:$TEST_CACHE/busybox-docker.tar" oci:good:busybox:latest
manifest=$(jq -r '.manifests[0].digest' good/index.json | cut -d : -f 2)
layer=$(jq -r '.layers[0].digest' "good/blobs/sha256/$manifest" | cut -d : -f 2)
config=$(jq -r '.config.digest' "good/blobs/sha256/$manifest" | cut -d : -f 2)

refused() {
  local status=0
  timeout 20 tare load -i bad >"$TMPDIR/out" 2>&1 || status=$?
  [ $status = 1 ] || fail "$1: status $status: $(cat "$TMPDIR/out")"
  # A file that can not be read is not there.
  [[ $1 == *index.json || $1 == *oci-layout ]] || assert_contains "$(cat "$TMPDIR/out")" "$2" "$1"
  assert_eq "$(tare images -aq)" '' "$1"
  [ -z "$(find "$TARE_ROOT/tmp" "$TARE_ROOT/blobs" "$TARE_ROOT/layers" -type f | head -1)" ] || fail "left by $1"
  rm -rf bad
}
for file in index.json oci-layout "blobs/sha256/$manifest" "blobs/sha256/$config" "blobs/sha256/$layer"; do
  cp -r good bad && rm "bad/$file" && mkfifo "bad/$file"
  refused "fifo $file" 'not a regular file'
  cp -r good bad && rm "bad/$file" && mkdir "bad/$file"
  refused "directory $file" 'not a regular file'
  cp -r good bad && rm "bad/$file" && ln -s /dev/zero "bad/$file"
  refused "link $file" 'no file'
  # Links stay inside: the file of the same name there is none.
  cp "good/$file" outside
  cp -r good bad && rm "bad/$file" && ln -s "$PWD/outside" "bad/$file"
  refused "outside $file" 'no file'
  cp -r good bad && rm "bad/$file" && ln -s /proc/self/root/proc/self/environ "bad/$file"
  refused "magic $file" 'no file'
  cp -r good bad && rm "bad/$file" && ln -s "$(basename "$file")" "bad/$file"
  refused "loop $file" ''
  cp -r good bad && rm "bad/$file" && (cd "$(dirname "bad/$file")" &&
    python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$(basename "$file")")
  refused "socket $file" ''
done
# A file of the right name that has terabytes and no bytes.
cp -r good bad && truncate -s 8T "bad/blobs/sha256/$layer"
refused 'sparse blob' ''
cp -r good bad && truncate -s 8T "bad/blobs/sha256/$config"
refused 'sparse config' ''
cp -r good bad && rm -r bad/blobs && ln -s "$PWD/good/blobs" bad/blobs
refused 'blobs elsewhere' 'no file'
# Changed while it is read: then it is not what its digest says.
cp -r good bad
(for _ in $(seq 200); do
  printf 'X' | dd of="bad/blobs/sha256/$layer" bs=1 seek=5000 conv=notrunc status=none 2>/dev/null || exit 0
  dd if="good/blobs/sha256/$layer" of="bad/blobs/sha256/$layer" bs=4096 skip=1 seek=1 count=1 conv=notrunc status=none 2>/dev/null || exit 0
done) &
swap=$!
timeout 20 tare load -i bad >"$TMPDIR/out" 2>&1 || grep -Eq 'announced|digest|gzip|ends too' "$TMPDIR/out" || fail "$(cat "$TMPDIR/out")"
kill $swap 2>/dev/null || true
wait $swap 2>/dev/null || true
tare fsck >/dev/null
