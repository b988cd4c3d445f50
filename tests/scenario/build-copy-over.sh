# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# COPY onto what is there, as BuildKit has it: directories get mode and owner of those that are copied, links on the
# way and at the end are followed, also where they lead to nothing yet.
. "$TEST_LIB"
image_busybox
mkdir -p app/src/ex/sub
echo new >app/src/ex/sub/f
chmod 700 app/src/ex
chmod 750 app/src/ex/sub
echo content >app/file
cat >app/Dockerfile <<'TEXT'
FROM busybox AS one
RUN mkdir -p /ex/sub /kept && chmod 777 /ex /ex/sub /kept && chown 5:6 /ex/sub /kept && echo old >/ex/sub/old
COPY src/ /
COPY src/ex/ /kept
FROM one AS two
COPY --chown=7:8 src/ /
FROM busybox AS links
RUN mkdir /real && echo old >/real/file && ln -s /real/file /lfile && ln -s dang/deep /dl && ln -s ../dfile /real/dlf && ln -s /real /ldir
COPY file /lfile
COPY file /ldir/dlf
COPY file /dl/
COPY src/ /dl/x
COPY <<TEXT2 /dl/heredoc
here
TEXT2
WORKDIR /dl/made/by
RUN ln -s /srv/later /app
WORKDIR /app
TEXT
build() { tare build -q --network none -t "$1" --target "$1" app >/dev/null 2>log || fail "$(cat log)"; }
run() { tare run --rm --network none "$@"; }
build one
assert_eq "$(run one stat -c '%n %a %u:%g' /ex /ex/sub /kept)" $'/ex 700 0:0\n/ex/sub 750 0:0\n/kept 777 5:6'
assert_eq "$(run one cat /ex/sub/old /ex/sub/f)" $'old\nnew'
build two
assert_eq "$(run two stat -c '%a %u:%g' /ex /ex/sub/f)" $'700 7:8\n644 7:8'
build links
assert_eq "$(run links sh -c 'for l in /lfile /real/dlf /dl /app; do readlink $l; done')" $'/real/file\n../dfile\ndang/deep\n/srv/later'
assert_eq "$(run links cat /real/file /dfile /dang/deep/file /dang/deep/x/ex/sub/f /dang/deep/heredoc)" $'content\ncontent\ncontent\nnew\nhere'
run links sh -c 'test -d /dang/deep/made/by && test -d /srv/later && test "$(pwd)" = /srv/later'
# A loop of links is told.
printf 'FROM busybox\nRUN ln -s a /b && ln -s b /a\nCOPY file /a\n' >app/Dockerfile
not tare build -q --network none app 2>log
assert_contains "$(cat log)" 'symbolic links'
# The destination of an archive is not what its "./" says. [BuildKit, solver/llbsolver/file]
mkdir top && chmod 700 top && echo in >top/in
tar --owner=12 --group=34 -C top -cf app/top.tar .
printf 'FROM busybox\nRUN mkdir -m 750 /old && chown 5:6 /old\nADD top.tar /old/\nADD top.tar /new/\n' >app/Dockerfile
tare build -q --network none -t archive app >/dev/null 2>log || fail "$(cat log)"
assert_eq "$(run archive stat -c '%n %a %u:%g' /old /new /old/in)" $'/old 750 5:6\n/new 755 0:0\n/old/in 644 12:34'

: Several names of one file, and other names of the same.
mkdir -p names
echo hi >names/f
ln -s f names/l1
ln -s f names/l2
printf '%s\n' 'FROM busybox' 'COPY l* f /d/' >names/Dockerfile
tare build -q -t names names
assert_eq "$(tare run --rm names sh -c 'cd /d && cat f l1 l2 && ls | xargs')" $'hi\nhi\nhi\nf l1 l2'
mv names/l1 names/l3
tare build -q -t names names
assert_eq "$(tare run --rm names sh -c 'ls /d | xargs')" 'f l2 l3'
