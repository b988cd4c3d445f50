# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# What .dockerignore leaves out is not there for COPY, nor for a bind mount; a Dockerfile's own rules come
# first.
. "$TEST_LIB"
image_busybox
mkdir -p app/docs app/logs/keep app/src
touch app/docs/a.md app/docs/b.txt app/logs/x app/logs/keep/y app/src/main.c app/src/main.o app/secret
printf '# rules\n**/*.o\nlogs\n!logs/keep\nsecret\n/docs/*.md\n' >app/.dockerignore
cat >app/Dockerfile <<'TEXT'
FROM busybox
COPY . /all/
RUN --mount=type=bind,target=/context cd /context && find . -type f | sort >/seen
COPY --exclude=*.c src /src/
COPY doc[s]/*.txt src/*.c /some/
TEXT
tare build -q --network none -t app app >/dev/null
files() { tare run --rm --network none app sh -c "cd $1 && find . -type f | sort | tr '\n' ' '"; }
all='./.dockerignore ./Dockerfile ./docs/b.txt ./logs/keep/y ./src/main.c '
assert_eq "$(files /all)" "$all"
assert_eq "$(tare run --rm --network none app cat /seen | tr '\n' ' ')" "$all"
assert_eq "$(files /src)" ''
assert_eq "$(files /some)" './b.txt ./main.c '
error=$(printf 'FROM busybox\nCOPY secret /\n' | not tare build --network none -f - app 2>&1)
assert_contains "$error" '.dockerignore leaves it out'
error=$(printf 'FROM busybox\nCOPY src/man.c /\n' | not tare build --network none -f - app 2>&1)
assert_contains "$error" "did you mean 'src/main.c'?"
error=$(printf 'FROM busybox\nCOPY docs/*.md /\n' | tare build --network none -f - app 2>&1)
assert_contains "$error" ".dockerignore leaves out 'docs/a.md'"
error=$(printf 'FROM busybox\nCOPY docz/*.txt /\n' | tare build --network none -f - app 2>&1)
assert_contains "$error" "no directory '/docz'"
cp app/Dockerfile app/other.Dockerfile
echo '*' >app/other.Dockerfile.dockerignore
error=$(not tare build --network none -f app/other.Dockerfile app 2>&1)
assert_contains "$error" 'COPY'
