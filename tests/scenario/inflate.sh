# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# gzip is decompressed by the program tare-inflate, and without it by tare itself: the same image.
. "$TEST_LIB"

head -c 12000000 /dev/urandom >"$TMPDIR/noise"  # Larger than what tare does itself, once compressed.
tar -C "$TMPDIR" -cf "$TMPDIR/noise.tar" noise
docker_archive "$TMPDIR/image.tar" noise:1 "$TEST_CACHE/busybox.tar" "$TMPDIR/noise.tar"
gzip -1 -k "$TMPDIR/image.tar"
tare load -q -i "$TMPDIR/image.tar.gz" | grep -q 'noise:1'
with=$(tare image inspect --format '{{.Id}}' noise:1)
assert_eq "$(tare run --rm --network none noise:1 sha256sum </dev/null /noise | cut -d ' ' -f 1)" \
  "$(sha256sum <"$TMPDIR/noise" | cut -d ' ' -f 1)"
tare rmi --no-undo noise:1 >/dev/null

mkdir "$TMPDIR/bin"
cp "$(dirname "$(command -v tare)")"/tare* "$TMPDIR/bin"
rm "$TMPDIR/bin/tare-inflate"
"$TMPDIR/bin/tare" load -q <"$TMPDIR/image.tar.gz" | grep -q 'noise:1'
assert_eq "$(tare image inspect --format '{{.Id}}' noise:1)" "$with" 'the image without tare-inflate'

# Broken input: the same words, nothing left, and no process.
for programs in "$TMPDIR/bin" "$(dirname "$(command -v tare)")"; do
  head -c 9000000 "$TMPDIR/image.tar.gz" >"$TMPDIR/half.tar.gz"
  said=$(exits 1 "$programs/tare" load -i "$TMPDIR/half.tar.gz" 2>&1)
  assert_contains "$said" 'gzip: data ends too early'
done
# By itself it is of no use, and says so.
assert_contains "$(exits 125 tare-inflate 2>&1 </dev/null)" 'tare starts this program'
tare fsck
