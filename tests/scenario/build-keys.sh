# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# What a step depends on is in its key, whatever it is called, and nothing of it can be taken for something else.
. "$TEST_LIB"
image_busybox
mkdir app
build() { tare build -q --network none --no-lock "$@" app >/dev/null 2>log || fail "$(cat log)"; }
file() { tare run --rm --network none app cat "$1"; }
# Files that are called as other parts of a key are.
for name in files instruction destination time; do echo one >app/$name; done
cat >app/Dockerfile <<'TEXT'
FROM busybox AS made
ARG V
RUN mkdir /files && echo $V >/files/app
FROM busybox
COPY files instruction destination time /x/
COPY --from=made /files /app
TEXT
build -t app --build-arg V=1
for name in files instruction destination time; do
  echo two >"app/$name"
  build -t app --build-arg V=1
  assert_eq "$(file "/x/$name")" two "$name"
done
build -t app --build-arg V=2
assert_eq "$(file /app/app)" 2
# Variables in flags and sources.
printf 'FROM busybox\nARG U M A B\nCOPY --chown=$U --chmod=$M files /f\nCOPY $A/n $B/n /x/\n' >app/Dockerfile
mkdir app/a app/b && echo a >app/a/n && echo b >app/b/n
build -t app --build-arg U=1 --build-arg M=600 --build-arg A=a --build-arg B=b
assert_eq "$(file /x/n)" b
build -t app --build-arg U=1000 --build-arg M=644 --build-arg A=b --build-arg B=a
assert_eq "$(tare run --rm --network none app stat -c '%u %a' /f)" '1000 644'
assert_eq "$(file /x/n)" a
# Flags of mounts, and words of a command.
echo shh-shh-shh >secret
run() {
  printf 'FROM busybox\nRUN %s\n' "$1" >app/Dockerfile
  build -t app --secret id=b,src=secret
}
run '--mount=type=secret,id=b,env=A env | grep -c ^A= >/o || true'
assert_eq "$(file /o)" 1
run '--mount=type=secret,id=b,env=B env | grep -c ^A= >/o || true'
assert_eq "$(file /o)" 0
run '--mount=type=secret,id=b,mode=0400 stat -c %a /run/secrets/b >/o'
assert_eq "$(file /o)" 400
run '--mount=type=secret,id=b,mode=0444 stat -c %a /run/secrets/b >/o'
assert_eq "$(file /o)" 444
run '["sh","-c","echo $#>/o","x","q"]'
assert_eq "$(file /o)" 1
run '["sh","-c","echo $#>/o","x\nq"]'
assert_eq "$(file /o)" 0
# A network that is the host's has to be allowed.
printf 'FROM busybox\nRUN --network=host true\n' >app/Dockerfile
exits 1 tare build -q --no-lock app 2>log
assert_contains "$(cat log)" '--allow network.host'
