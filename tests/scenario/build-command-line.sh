# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# build as Docker's users know it: what RUN prints, arguments that nobody asks for, lines that are not there,
# other platforms, the age of what was built, and the commands of buildx.
# needs: jq
. "$TEST_LIB"
image_busybox
mkdir app
echo file >app/file
build() { tare build --progress plain --network none "$@" app 2>log; }

# Tabs stay, a line that is drawn over shows its last state, colours go where no terminal is; the rest is named.
cat >app/Dockerfile <<'TEXT'
FROM busybox
RUN printf 'a\tb\n5%%\r50%%\r100%% done\n\033[1;31mred\033[0m end\n\033[2Jcleared\n\033]0;title\007\n'
TEXT
build || fail "$(cat log)"
said=$(sed -n 's/^#1 [0-9.]*s //p' log)
assert_eq "$said" $'a\tb\n100% done\nred end\n\\x1b[2Jcleared\n\\x1b]0;title\\x07'

# Arguments.
printf 'ARG GLOBAL\nFROM busybox\nARG USED\nRUN echo $USED\n' >app/Dockerfile
build --build-arg USED=1 --build-arg GLOBAL=2 --build-arg http_proxy=http://x --build-arg SOURCE_DATE_EPOCH=1 --build-arg TARGETARCH=x
assert_lacks "$(cat log)" 'not consumed'
build --build-arg USED=1 --build-arg OTHER=1 --build-arg AND=2
assert_contains "$(cat log)" 'One or more build-args [AND OTHER] were not consumed'

# Lines.
not build --at 99 </dev/null
assert_contains "$(cat log)" 'Dockerfile has no line 99'
assert_contains "$(cat log)" 'its last is line 4'

# Another platform, of which nothing has to run here.
other=arm64
[ "$(uname -m)" != aarch64 ] || other=riscv64
cat >app/Dockerfile <<'TEXT'
FROM --platform=$BUILDPLATFORM busybox AS compile
ARG TARGETARCH
RUN echo "for $TARGETARCH" >/program
FROM scratch
COPY --from=compile /program /
COPY file /
TEXT
build --platform linux/$other -t other || fail "$(cat log)"
assert_eq "$(tare inspect --format '{{.Os}}/{{.Architecture}}' other)" linux/$other
build --platform linux/$other -o out || fail "$(cat log)"
assert_eq "$(cat out/program out/file)" "for $other"$'\nfile'
printf 'FROM scratch\nCOPY file /\nRUN ["/file"]\n' >app/Dockerfile
if [ ! -e /proc/sys/fs/binfmt_misc/qemu-aarch64 ]; then
  not build --platform linux/$other
  assert_contains "$(cat log)" "programs for linux/$other do not run on this machine"
  assert_contains "$(cat log)" 'Dockerfile:3'
  assert_contains "$(cat log)" BUILDPLATFORM
fi
not build --platform linux/amd64,linux/arm64
assert_contains "$(cat log)" 'manifest create'

# What was built a moment ago is not from 1980; its config says what it said.
printf 'FROM scratch\nCOPY file /\n' >app/Dockerfile
build -t young || fail "$(cat log)"
assert_matches "$(tare images --format '{{.CreatedSince}}' young)" 'second'
assert_lacks "$(tare images --format '{{.CreatedSince}}' busybox)" second
assert_matches "$(tare inspect --format '{{.Created}}' young)" '^19(70|80)-'
assert_eq "$(tare images -q | head -1)" "$(tare images -q young)"
assert_contains "$(tare images --filter since=busybox --format '{{.Repository}}')" young

# Programs that ask buildx for a builder get the one that there is.
assert_contains "$(tare buildx version)" tare
assert_contains "$(tare buildx ls)" 'default*'
assert_eq "$(tare buildx ls --format '{{.Name}} {{.DriverEndpoint}}')" 'default tare'
assert_eq "$(tare buildx create --name mine --use --driver docker-container --driver-opt network=host 2>log)" mine
assert_contains "$(cat log)" 'there is one builder'
assert_contains "$(cat log)" '--driver-opt has no effect'
not tare buildx create --driver kubernetes 2>log
assert_contains "$(tare buildx inspect --bootstrap mine)" 'Driver: tare'
tare buildx use mine 2>log
tare buildx build -q --builder mine --network none app >/dev/null
assert_contains "$(tare buildx du)" 'COPY file /'
assert_matches "$(tare builder du | tail -1)" '^Total:'
tare buildx prune -af >/dev/null
assert_lacks "$(tare buildx du)" 'COPY file /'
tare buildx rm mine 2>log

# bake: targets of a file.
cat >docker-bake.json <<'JSON'
{"group": {"default": {"targets": ["one", "two"]}},
 "target": {"base": {"context": "app", "args": {"A": "base", "B": "kept"}, "labels": {"by": "bake"}, "network": "none"},
  "one": {"inherits": ["base"], "tags": ["baked:one"], "args": {"A": "one"}},
  "two": {"inherits": ["base"], "tags": ["baked:two", "baked:also"], "dockerfile": "Other.Dockerfile", "target": "middle"}}}
JSON
printf 'FROM busybox\nARG A\nARG B\nRUN echo $A $B >/made\n' >app/Dockerfile
printf 'FROM busybox AS middle\nARG A\nARG B\nRUN echo other $A $B >/made\nFROM middle\nRUN false\n' >app/Other.Dockerfile
tare buildx bake --progress plain --set '*.args.B=set' 2>log || fail "$(cat log)"
assert_eq "$(tare run --rm --network none baked:one cat /made)" 'one set'
assert_eq "$(tare run --rm --network none baked:also cat /made)" 'other base set'
assert_eq "$(tare inspect --format '{{.Config.Labels.by}}' baked:two)" bake
assert_eq "$(tare buildx bake --print two | jq -r '.target.two.args.B, (.target | length)')" $'kept\n1'
not tare buildx bake three 2>log
assert_contains "$(cat log)" "no target and no group 'three'"
echo '{"target": {"default": {"inherits": ["default"]}}}' >docker-bake.json
not tare buildx bake 2>log
assert_contains "$(cat log)" 'inherits itself'
# Many ways to the same are one.
jq -n '{group: ([range(14) | {key: "g\(.)", value: {targets: [range(8) as $i | "g\(. + 1)"]}}] | from_entries + {g14: {targets: ["t0"]}}),
  target: ([range(14) | {key: "t\(.)", value: {inherits: [range(8) as $i | "t\(. + 1)"]}}] | from_entries + {t14: {context: "."}})}' >wide.json
timeout 10 tare buildx bake -f wide.json --print g0 >printed || fail 'bake takes too long'
assert_eq "$(jq -c '.target | keys' printed)" '["t0"]'
