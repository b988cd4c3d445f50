# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# RUN --mount: caches stay from build to build, secrets and mounts leave nothing behind.
. "$TEST_LIB"
image_busybox
mkdir app
echo given >app/file
printf 'top secret' >key
cat >app/Dockerfile <<'TEXT'
FROM busybox AS other
RUN echo from-other >/note
FROM busybox
ARG TURN
RUN --mount=type=cache,target=/cache echo "$TURN" >>/cache/turns && cat /cache/turns >/turns
RUN --mount=type=secret,id=key --mount=type=secret,id=word,env=WORD \
    wc -c </run/secrets/key >/length && echo ${#WORD} >>/length
RUN --mount=type=bind,source=file,target=/in --mount=type=bind,from=other,source=/note,target=/note \
    --mount=type=tmpfs,target=/scratch cat /in /note >/read && echo x >/scratch/x && ! echo y >/in
TEXT
build() { WORD=qzx7hj tare build -q --network none --secret id=key,src=key --secret id=word,env=WORD -t app "$@" app; }
build --build-arg TURN=1 >/dev/null
build --build-arg TURN=2 >/dev/null
inside() { tare run --rm --network none app sh -c "$1"; }
assert_eq "$(inside 'cat /turns')" $'1\n2'
assert_eq "$(inside 'cat /length')" $'10\n6'
assert_eq "$(inside 'cat /read')" $'given\nfrom-other'
assert_eq "$(inside 'ls -d /cache /scratch /in /note /run/secrets 2>/dev/null | tr "\n" " "')" ''
tare save app -o app.tar
mkdir image
tar -C image -xf app.tar
not grep -rq 'top secret\|qzx7hj' image
