# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# as: root
# One of many little files changed: the others are not kept again, and stay for as long as an image needs them.
. "$TEST_LIB"
image_busybox
mkdir -p app/files
for ((i = 0; i < 1000; i++)); do echo "file $i" >"app/files/$i"; done
cat >app/Dockerfile <<'TEXT'
FROM busybox
COPY files /files
RUN for i in $(seq 300); do echo "made $i of $(cat /files/7)" >/made-$i; [ $i -lt 9 ] || echo "made $i" >/made-$i; done
TEXT
packs() { find "$TARE_ROOT/layers" -name '*.pack' -printf '%s\n' | sort -n | paste -sd+ | bc; }
sums() { tare run --rm "$1" sh -c 'cat /files/* /made-* | sha256sum'; }
tare build -q -t one app
before=$(packs)
[ "$before" -gt $((1300 * 4096)) ] || fail "the packs have only $before bytes"
echo other >app/files/7
tare build -q -t two app
# Nine changed files, and the ends of packs.
more=$(($(packs) - before))
[ "$more" -lt $((20 * 4096)) ] || fail "a changed file left $more bytes"
expected=$(for ((i = 0; i < 1000; i++)); do echo "files/$i"; done | LC_ALL=C sort | (cd app && xargs cat))
assert_eq "$(tare run --rm two sh -c 'cat /files/*')" "$expected"
kept=$(sums two)

: The first image goes, and what the second has of it stays.
tare rmi -f one >rmi.txt
tare builder prune -af >prune.txt
tare empty >empty.txt 2>&1 || true
assert_eq "$(sums two)" "$kept"
assert_contains "$(tare verify two)" "OK"
tare fsck >fsck.txt
tare save -o two.tar two
tare rmi -f two >rmi.txt
tare load -q -i two.tar >load.txt
assert_eq "$(sums two)" "$kept"

: Others than those of the same step are strangers: nothing is tied to them.
sed 's/^RUN.*/LABEL a=b/' app/Dockerfile >app/Other
tare builder prune -af >prune.txt
tare build -q -t three -f app/Other app
echo third >app/files/7
tare build -q -t four -f app/Other app
tare rmi -f two three >rmi.txt
assert_contains "$(tare verify four)" "OK"

: Damage of what is shared is seen.
tare build -q --no-cache -t five -f app/Other app
pack=$(find "$TARE_ROOT/layers" -name '*.pack' -size +3000k | head -n 1)
chmod u+w "$pack"
printf 'damage' | dd of="$pack" bs=1 seek=4096 conv=notrunc status=none
echo fourth >app/files/7
not tare build -q -t six -f app/Other app 2>error.txt
assert_contains "$(cat error.txt)" "changed on disk"
