# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# needs: bzip2
# Archives that are compressed with bzip2 are archives: of ADD, of a build context, of an image.
. "$TEST_LIB"
image_busybox
mkdir -p app/dir && echo content >app/dir/file
tar -C app -cjf app/dir.tbz dir
(tar -C app -cf - dir | head -c 4096 | bzip2 -1 && tar -C app -cf - dir | tail -c +4097 | bzip2) >app/two.tar.bz2
head -c 2500000 /dev/urandom >noise && tar -cjf noise.tbz noise && head -c 2000000 noise.tbz >app/cut.tbz
echo 'BZh9 is what it begins with' >app/text
printf 'FROM busybox\nADD dir.tbz two.tar.bz2 text /x/\nADD two.tar.bz2 /y/\n' >app/Dockerfile
tare build -q --no-lock -t app app >/dev/null
assert_eq "$(tare run --rm --network none app sh -c 'cd /x && find * | sort | tr "\n" " " && cat dir/file text /y/dir/file')" \
  $'dir dir/file text content\nBZh9 is what it begins with\ncontent'
tar -C app -cjf context.tar.bz2 .
tare build -q --no-lock -t other - <context.tar.bz2 >/dev/null
assert_eq "$(tare inspect --format '{{.Id}}' app)" "$(tare inspect --format '{{.Id}}' other)"
printf 'FROM busybox\nADD cut.tbz /x/\n' >app/Dockerfile
exits 1 tare build -q --no-lock app >log 2>&1
assert_contains "$(cat log)" "unpack 'cut.tbz'"
assert_contains "$(cat log)" 'bzip2'
tare save app | bzip2 >image.tar.bz2
tare rmi app >/dev/null
tare load -i image.tar.bz2 >/dev/null
tare run --rm --network none app cat /x/dir/file
