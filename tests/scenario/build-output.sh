# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# needs: jq
# The result of a build as a directory, a tar, an archive or a layout: what is in it, whose it is, and that
# there is no image when none was asked for.
. "$TEST_LIB"
image_busybox
mkdir app
echo content >app/file
cat >app/Dockerfile <<'TEXT'
FROM busybox AS made
RUN mkdir -p /out/deep && echo made >/out/deep/made && chmod 640 /out/deep/made && chown 33:34 /out/deep/made && \
    ln -s deep/made /out/link && ln -s /etc/passwd /out/absolute && cp /bin/busybox /out/program && chmod 4755 /out/program && \
    cp -p /out/deep/made /out/hard
FROM scratch
COPY --from=made /out/ /
COPY file /file
TEXT
build() { SOURCE_DATE_EPOCH=1000000000 tare build --network none "$@" app 2>log || fail "$(cat log)"; }

# A directory, made with those above it; owned by who asked, with modes and times of the files.
build -t unnamed -o sub/out
assert_eq "$(find sub/out | sort | tr '\n' ' ')" \
  'sub/out sub/out/absolute sub/out/deep sub/out/deep/made sub/out/file sub/out/hard sub/out/link sub/out/program '
assert_eq "$(stat -c '%a %u %Y' sub/out/deep/made sub/out/deep)" "640 $(id -u) 1000000000"$'\n'"755 $(id -u) 1000000000"
assert_eq "$(cat sub/out/link)" made
# No program gets rights from its file.
assert_eq "$(stat -c %a sub/out/program)" 755
exits 1 tare inspect unnamed 2>/dev/null
assert_eq "$(tare images -aq | wc -l)" 1 'images'
# Once more over it: files are replaced, others stay.
echo mine >sub/out/mine
echo old >sub/out/deep/made
build --output type=local,dest=sub/out
assert_eq "$(cat sub/out/deep/made sub/out/mine)" $'made\nmine'

# A tar has the image's owners and modes, and the same bytes each time.
build -o - >one.tar
build --no-cache --output type=tar,dest=two.tar --metadata-file meta
cmp one.tar two.tar
assert_eq "$(jq -c . meta)" '{}'
assert_contains "$(tar --numeric-owner -tvf one.tar)" '-rw-r----- 33/34'
assert_matches "$(tar -tvf one.tar)" '-rwsr-xr-x .* program'
assert_eq "$(tar -tf one.tar | tr '\n' ' ')" 'absolute deep/ deep/made file hard link program '

# Nothing at all, and several at once.
build -o type=cacheonly
assert_contains "$(cat log)" 'steps were there'
assert_lacks "$(cat log)" 'writing image'
build -t several:1 -o here -o type=oci,dest=image.oci -o type=oci,tar=false,dest=layout -o type=docker,dest=image.docker --load
assert_contains "$(cat log)" "writing image $(tare images -q --no-trunc several)"
assert_eq "$(cat here/file)" content
digest=$(tar -xOf image.oci index.json | jq -r '.manifests[0].digest')
assert_eq "$(jq -r '.manifests[0].digest' layout/index.json)" "$digest"
assert_eq "$(tar -xOf image.docker manifest.json | jq -r '.[0].RepoTags[0]')" several:1

# What makes no sense is said before anything is built.
exits 1 tare build --push app 2>log
assert_contains "$(cat log)" 'without a name cannot be pushed'
exits 1 tare build -o type=local app 2>log
assert_contains "$(cat log)" 'type=local needs dest=DIRECTORY'
not tare build -o type=oci,compression=zstd,dest=x app 2>log
assert_contains "$(cat log)" 'compression=zstd'
