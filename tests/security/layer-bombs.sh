# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# as: root user
# needs: python3 zstd gzip
# Small archives that want to be large: each ends in a sentence, before the store's budget is exceeded,
# with less than 100 MB of memory in every process, and nothing of it stays.
. "$TEST_LIB"

bomb() { "$(dirname "$TEST_LIB")/tools/make-bomb" "$@"; }
export TARE_STORE_MAX=100M

image_busybox
# Locks have files of their own, which stay.
usage() { tare df | grep -v -e ^bookkeeping -e ^total; }
usage >"$TMPDIR/before"
# refused WORDS COMMAND...: reads standard input.
refused() {
  local words=$1 status=0 kib
  shift
  "$(dirname "$TEST_LIB")/tools/peak" "$TMPDIR/peak" "$@" >"$TMPDIR/out" 2>&1 || status=$?
  [ $status = 1 ] || fail "status $status: $* $(cat "$TMPDIR/out")"
  assert_contains "$(cat "$TMPDIR/out")" "$words"
  kib=$(cat "$TMPDIR/peak")
  [ "$kib" -lt 102400 ] || fail "$* had $kib KiB of memory: $(cat "$TMPDIR/out")"
  usage >"$TMPDIR/after"
  cmp -s "$TMPDIR/before" "$TMPDIR/after" || fail "left by $*: $(diff "$TMPDIR/before" "$TMPDIR/after")"
  [ -z "$(find "$TARE_ROOT/tmp" "$TARE_ROOT/trash" -mindepth 1 | head -1)" ] || fail "left in tmp: $(find "$TARE_ROOT/tmp")"
}

# Much more than the budget, as the input itself and as a layer in it.
bomb zeros 500000000000 2>/dev/null | refused 'has room for' tare load
bomb members 200 2>/dev/null | refused 'has room for' tare import - bomb
bomb zeros-zstd 1000000000000 2>/dev/null | refused 'has room for' tare load
bomb zeros 200000000 >layer.tar.gz
docker_archive bomb.tar bomb:latest layer.tar.gz
refused 'files of the archive have more than' tare load -i bomb.tar
bomb zeros-zstd 300000000 >layer.tar.zst
docker_archive bomb.tar bomb:latest layer.tar.zst
refused 'files of the archive have more than' tare load -i bomb.tar
head -c 200000000 /dev/zero | gzip -1 >layer.tar.gz # Behind the end of the tar.
docker_archive bomb.tar bomb:latest layer.tar.gz
refused 'has room for' tare load -i bomb.tar

# What costs memory.
bomb window 31 | refused 'window above 64 MiB' tare load
bomb dictionary 1024 | refused 'dictionary above 64 MiB' tare load
bomb pax 8589934591 2>/dev/null | refused 'extended header has 8589934591 bytes' tare load
bomb long-name 8589934591 2>/dev/null | refused 'the limit is' tare load
bomb sparse-map 300000 | refused 'the limit is 1048576' tare load

# Sparse files that are larger than the store, or than anything.
for size in 9223372036854775807 18446744073709551615 1000000000000; do
  bomb sparse $size >sparse.tar
  docker_archive bomb.tar bomb:latest sparse.tar
  refused 'bytes' tare load -i bomb.tar
done

# Long ways: what takes a square of the input's size would not end here.
accepted() {
  local kib status=0
  "$(dirname "$TEST_LIB")/tools/peak" "$TMPDIR/peak" timeout 40 tare load -q -i bomb.tar >"$TMPDIR/out" 2>&1 || status=$?
  [ $status = "$1" ] || fail "status $status: $(cat "$TMPDIR/out")"
  kib=$(cat "$TMPDIR/peak")
  [ "$kib" -lt 102400 ] || fail "$kib KiB of memory"
}
bomb whiteouts 30000 >wide.tar
docker_archive bomb.tar bomb:latest wide.tar
accepted 0
tare rmi -f bomb:latest >/dev/null
bomb same 50000 >same.tar
docker_archive bomb.tar bomb:latest same.tar
accepted 0
tare rmi -f bomb:latest >/dev/null
bomb deep 4000 >deep.tar
docker_archive bomb.tar bomb:latest deep.tar
refused 'is not a directory' tare load -i bomb.tar # Forty links are all that are followed.
assert_eq "$(tare fsck >/dev/null 2>&1; echo $?)" 0
