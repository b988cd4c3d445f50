# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# RUN --tools: another image's program changes a stage that has none, and leaves nothing else there.
. "$TEST_LIB"
image_busybox
mkdir app
echo given >app/file
cat >app/Dockerfile <<'TEXT'
ARG TOOLS=kit
FROM busybox AS kit
ENV WHERE=kit
RUN echo tool >/tool
FROM busybox AS unused
RUN false
FROM scratch AS base
WORKDIR /work
ENV PATH=/nowhere NAME=value
USER 4711
RUN --tools=$TOOLS --mount=type=bind,source=file,target=/in --mount=type=tmpfs,target=scratch \
    mkdir -p $TARGET/etc && cat /tool /in >$TARGET/etc/x && echo "$PWD $WHERE $NAME $(id -u)" >here && \
    echo gone >/etc/gone && echo gone >scratch/gone && chmod 4755 here
FROM base
RUN --tools=busybox test ! -e /tool && rm /target/etc/x && ln -s /etc/passwd $TARGET/etc/link && chown 5:6 $TARGET/work
TEXT
build() { tare build --layer-per-step --network none --progress plain -t app "$@" app 2>log || fail "$(cat log)"; }
# What the layers of the image have in them, one after the other.
list() {
  rm -rf image all.tar && mkdir image
  tare save app -o image.tar
  tar -C image -xf image.tar
  jq -r '.[0].Layers[]' image/manifest.json | while read -r layer; do
    tar --numeric-owner -tvf "image/$layer"
  done | awk '{print $1, $2, $6, $7, $8}' | sed 's/ *$//'
}
content() {
  jq -r '.[0].Layers[]' image/manifest.json | while read -r layer; do
    tar -xOf "image/$layer" "$1" 2>/dev/null || true
  done
}

build --target base
assert_eq "$(list)" "drwxr-xr-x 0/0 work/
drwxr-xr-x 0/0 etc/
-rw-r--r-- 0/0 etc/x
drwxr-xr-x 0/0 work/
-rwsr-xr-x 0/0 work/here"
assert_eq "$(content etc/x)" $'tool\ngiven'
assert_eq "$(content work/here)" '/target/work kit value 0'
build
assert_lacks "$(cat log)" 'RUN false'
assert_eq "$(list | tail -4)" "drwxr-xr-x 0/0 etc/
lrwxrwxrwx 0/0 etc/link -> /etc/passwd
---------- 0/0 etc/.wh.x
drwxr-xr-x 5/6 work/"

# The same tools are the same step, others are not.
build
assert_contains "$(cat log)" '4 of 4 steps were there'
sed -i 's/echo tool/echo other/' app/Dockerfile
build --target base
assert_contains "$(cat log)" 'again, because the tools changed'
list >/dev/null
assert_eq "$(content etc/x)" $'other\ngiven'

printf 'FROM scratch\nRUN --tools=$NONE true\n' >app/Dockerfile
not tare build app 2>log
assert_contains "$(cat log)" "--tools' may have variables of before the first FROM"
printf 'FROM busybox AS one\nRUN --tools=one true\n' >app/Dockerfile
not tare build app 2>log
assert_contains "$(cat log)" "the stage 'one' needs itself"
