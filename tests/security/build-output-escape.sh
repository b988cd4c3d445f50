# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# Files of a build that are written into a directory stay in it, wherever links in the image or in the
# directory lead.
. "$TEST_LIB"
image_busybox
mkdir app outside out
echo safe >outside/victim
# In the directory already: a link out of it in the place of a directory, and one in that of a file.
ln -s "$PWD/outside" out/dir
ln -s "$PWD/outside/victim" out/file
ln -s ../outside out/up
cat >app/Dockerfile <<TEXT
FROM busybox AS made
RUN mkdir -p /o/dir /o/up && echo evil >/o/dir/victim && echo evil >/o/up/victim && echo evil >/o/file && \
    ln -s $PWD/outside /o/link && ln -s ../../../../../../$PWD/outside/victim /o/long
FROM scratch
COPY --from=made /o/ /
TEXT
tare build --network none -o out app 2>log || true
assert_eq "$(cat outside/victim)" safe
assert_eq "$(ls outside)" victim
# Names that an archive may have, and no file system.
printf evil >payload
tar -cf app/evil.tar -P --transform='s,payload,../../../../escape,' payload
printf 'FROM scratch\nADD evil.tar /\n' >app/Dockerfile
tare build --network none -o second app 2>log || fail "$(cat log)"
assert_eq "$(find . -name escape)" ./second/escape
