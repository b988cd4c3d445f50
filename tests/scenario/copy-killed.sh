# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2119,SC2164
# as: root user
# needs: docker-registry skopeo python3 jq
# A copy that is killed, or comes from a registry that lies, leaves nothing half written, and the next one
# goes on from the byte where it stopped, with little memory.
. "$TEST_LIB"
# shellcheck source=tests/registry.sh
. "$(dirname "$TEST_LIB")/registry.sh"

cd "$TMPDIR"
head -c 30000000 /dev/urandom >noise
tar -cf noise.tar noise
docker_archive large.tar large "$TEST_CACHE/busybox.tar" noise.tar
skopeo copy -q docker-archive:large.tar oci:src:1
layer=$(basename "$(find src/blobs/sha256 -size +20M)")
size=$(stat -c %s "src/blobs/sha256/$layer")
start_liar --base src @wrong wrong-content @short short-layer
start_registry
ranges() { sed -n "s/^GET .*blobs\/sha256:$layer range=bytes=\([0-9]*\)-.*/\1/p" "$LIAR_LOG"; }
part_is_there() { [ -n "$(find "$TARE_ROOT/downloads" -name '*.part' -size +2000k 2>/dev/null)" ]; }

# killed TARGET: a copy there is killed in the middle of the large layer.
killed() {
  : >"$LIAR_LOG"
  tare copy -q --rate $((size / 3)) "docker://$LIAR/x:1" "$1" >/dev/null 2>&1 &
  local copy=$!
  eventually 10 part_is_there
  kill -KILL $copy
  wait $copy 2>/dev/null || true
  there() { find "$TARE_ROOT/downloads" -size +2000k -printf %s; }
  transfer_gone() { ! pgrep -P 1 -u "$(id -u)" tare-transfer >/dev/null; }
  eventually 5 transfer_gone
}

killed "docker://$REGISTRY/x:1"
exits 1 skopeo inspect --tls-verify=false "docker://$REGISTRY/x:1" 2>/dev/null >&2
before=$(there)
peak=$(python3 -c 'import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' tare copy -q "docker://$LIAR/x:1" "docker://$REGISTRY/x:1")
[ "$peak" -lt 25000 ] || fail "a copy of 30 MB took $peak kB of memory"
assert_eq "$(ranges | tail -1)" "$before"
skopeo inspect --tls-verify=false "docker://$REGISTRY/x:1" >/dev/null
[ -z "$(ls -A "$TARE_ROOT/downloads")" ] || fail "parts of downloads are left"

killed oci:layout:1
[ ! -e layout/index.json ] || fail 'a killed copy left an index.json'
find layout/blobs -type f | while read -r blob; do
  assert_eq "$(sha256sum <"$blob" | cut -d ' ' -f 1)" "$(basename "$blob")" 'digest of a blob of the layout'
done
tare copy -q "docker://$LIAR/x:1" oci:layout:1 >/dev/null
assert_eq "$(find layout/blobs -type f | wc -l)" "$(find src/blobs -type f | wc -l)"
skopeo copy -q oci:layout:1 oci:whole:1

killed oci-archive:archive.tar:1
[ -z "$(find . -maxdepth 1 -name '*archive.tar*' -o -maxdepth 1 -name '.tare*')" ] || fail 'a killed copy left an archive'
tare copy -q "docker://$LIAR/x:1" oci-archive:archive.tar:1 >/dev/null
skopeo copy -q oci-archive:archive.tar:1 oci:whole:2

# Lies: no tag, no index, no archive.
for lie in wrong short; do
  for target in "docker://$REGISTRY/$lie:1" oci:$lie:1 "oci-archive:$lie.tar:1" "store:$lie:1"; do
    exits 1 timeout 20 tare copy "docker://$LIAR/$lie:1" "$target" 2>err >&2
    assert_matches "$(cat err)" 'was asked for|were announced'
  done
  if [ -e $lie/index.json ] || [ -e $lie.tar ]; then fail "a lie ($lie) was written"; fi
  exits 1 skopeo inspect --tls-verify=false "docker://$REGISTRY/$lie:1" 2>/dev/null >&2
done
assert_eq "$(tare images -q | wc -l)" 0

# A layout that was changed is found out, wherever it is copied to.
cp -r src changed
chmod u+w "changed/blobs/sha256/$layer"
printf x | dd of="changed/blobs/sha256/$layer" bs=1 seek=1000 conv=notrunc status=none
for target in "docker://$REGISTRY/changed:1" oci:changed2:1 oci-archive:changed.tar:1 store:changed:1; do
  exits 1 tare copy oci:changed:1 "$target" 2>err >&2
  assert_contains "$(cat err)" "$layer"
done
if [ -e changed2/index.json ] || [ -e changed.tar ]; then fail 'what was changed was written'; fi
