# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# Links in a build context, in a stage and in the image that is built lead nowhere on this machine, and a
# program of RUN cannot make later steps write or read there.
. "$TEST_LIB"
image_busybox
mkdir -p app/dir outside
echo precious >outside/file
ln -s "$PWD/outside/file" app/link
ln -s "$PWD/outside" app/away
ln -s ../../outside/file app/dir/up
before=$(cat outside/file)
# As sources: what they lead to is looked for in the context.
for source in link away/file dir/../../outside/file ../outside/file; do
  printf 'FROM busybox\nCOPY %s /got\n' "$source" | not tare build -q --network none -f - app >/dev/null 2>&1
done
# Below a directory they are copied as links.
printf 'FROM busybox\nCOPY dir /dir/\n' | tare build -q --network none -t links -f - app >/dev/null
assert_eq "$(tare run --rm --network none links readlink /dir/up)" ../../outside/file
# As destinations, made by the image itself, by absolute and relative links.
echo attack >app/attack
cat >app/Dockerfile <<TEXT
FROM busybox AS evil
RUN ln -s $PWD/outside /abs && ln -s ../../../../../../../..$PWD/outside /rel && \
    ln -s $PWD/outside/file /file && ln -s /proc/1/root$PWD/outside /magic && ln -s / /root/here
FROM evil
COPY attack /abs/file
COPY attack /rel/file
COPY attack /file
WORKDIR /abs/made
FROM busybox
COPY --from=evil /file /got
TEXT
tare build --network none --target evil app >/dev/null 2>&1
not tare build --network none app >log 2>&1
sed -i '/^FROM busybox$/,$d' app/Dockerfile
tare build --network none -t evil app >log 2>&1 || true
assert_eq "$(cat outside/file)" "$before"
[ ! -e outside/made ] || fail 'WORKDIR made a directory of this machine'
# A stage cannot be read through to this machine's files either.
cat >app/Dockerfile <<TEXT
FROM busybox AS evil
RUN ln -s $PWD/outside/file /file
FROM busybox
COPY --from=evil /file /got
TEXT
not tare build --network none -t got app >log 2>&1
