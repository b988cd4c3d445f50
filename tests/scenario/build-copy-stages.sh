# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# COPY from a stage: names of one file stay that, and files that are only alike do not become it; links to
# directories lead to what a wildcard asks for; a change of an owner or of rights is a change.
. "$TEST_LIB"
image_busybox
mkdir app
build() { tare build -q --network none --no-lock -t app "$@" app >/dev/null 2>log || fail "$(cat log)"; }
see() { tare run --rm --network none app sh -c "$1"; }
cat >app/Dockerfile <<'TEXT'
FROM busybox AS made
ARG OWNER=1
RUN mkdir -p /d/sub /usr/libs && echo alike >/d/one && ln /d/one /d/sub/two && echo alike >/d/other && \
    ln /d/one /elsewhere && echo alone >/d/alone && ln /d/alone /outside && \
    ln -s usr/libs /libs && touch /usr/libs/a.so /usr/libs/b.so /usr/libs/c.h && chown $OWNER /d/other
FROM busybox
COPY --from=made /d /copied
COPY --from=made /libs/*.so /found/
COPY --from=made --parents /libs/a.so /d/./sub /d/s?b/./two /kept/
TEXT
build
assert_eq "$(see 'cd /copied && stat -c "%n %h %u" one sub/two other alone')" $'one 2 0\nsub/two 2 0\nother 1 1\nalone 1 0'
assert_eq "$(see 'ls /found')" $'a.so\nb.so'
assert_eq "$(see 'cd /kept && find * | sort | tr "\n" " "')" 'libs libs/a.so sub sub/two two '
build --build-arg OWNER=9
assert_eq "$(see 'stat -c %u /copied/other')" 9
# The same in what goes to a directory of this machine.
tare build -q --network none --no-lock -o out app 2>log || fail "$(cat log)"
assert_eq "$(stat -c %h out/copied/one out/copied/sub/two out/copied/other | tr '\n' ' ')" '2 2 1 '

# What .dockerignore leaves out is not found by another way either.
mkdir app/real && echo x >app/real/kept && echo x >app/real/hidden && ln -s real app/way
echo 'real/hidden' >app/.dockerignore
printf 'FROM busybox\nCOPY way/* /all/\n' >app/Dockerfile
build
assert_eq "$(see 'ls /all')" kept
printf 'FROM busybox\nCOPY way/hidden /\n' >app/Dockerfile
exits 1 tare build -q --no-lock app 2>log
assert_contains "$(cat log)" "'way/hidden' is not there"

# In a layer the name .wh.NAME is that of a file that is not there any more.
mkdir app/marks && echo x >app/marks/.wh.name
printf 'FROM busybox\nCOPY marks /marks/\n' >app/Dockerfile
exits 1 tare build -q --no-lock app 2>log
assert_contains "$(cat log)" "'/marks/.wh.name'"
printf 'FROM busybox\nRUN touch /.wh.bin\n' >app/Dockerfile
exits 1 tare build -q --network none --no-lock app 2>log
assert_contains "$(cat log)" "'/.wh.bin'"
tar -cf app/marks.tar -C app marks
printf 'FROM busybox\nADD marks.tar /x/\n' >app/Dockerfile
exits 1 tare build -q --no-lock app 2>log
assert_contains "$(cat log)" "'/x/marks/.wh.name'"
