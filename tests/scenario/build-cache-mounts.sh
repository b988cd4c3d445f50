# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# RUN --mount: owners and modes of caches, secrets and files of a stage; a new cache has what `from` has; who
# may use a cache at the same time; and caches are no volumes.
. "$TEST_LIB"
image_busybox
mkdir app
printf 'top secret' >key
build() { tare build -q --network none --no-lock --no-cache --secret id=key,src=key -t app app >/dev/null 2>log || fail "$(cat log)"; }
see() { tare run --rm --network none app sh -c "$1"; }
cat >app/Dockerfile <<'TEXT'
FROM busybox AS made
RUN mkdir -p /d/sub && echo a >/d/a && ln /d/a /d/b && chown 5:6 /d/a && chown 7:8 /d && chmod 750 /d
FROM busybox
RUN --mount=type=cache,target=/c,uid=11,gid=12,mode=0700 --mount=type=cache,target=/plain \
    --mount=type=cache,target=/f,from=made,source=d \
    --mount=type=secret,id=key,uid=3,gid=4,mode=0440 --mount=type=bind,from=made,source=/d,target=/d \
    (stat -c '%n %a %u:%g' /c /plain /f /f/a /run/secrets/key /d /d/a /d/sub && stat -c %h /d/a && cat /f/b) >/seen && \
    echo new >/f/new && echo x >/c/x && rm /f/a
RUN --mount=type=cache,target=/f,from=made,source=d --mount=type=cache,target=/c (ls /c && cd /f && echo *) >/second
TEXT
build
assert_eq "$(see 'cat /seen')" '/c 700 11:12
/plain 755 0:0
/f 750 7:8
/f/a 644 5:6
/run/secrets/key 440 3:4
/d 750 7:8
/d/a 644 5:6
/d/sub 755 0:0
2
a'
# The one without an owner is another cache.
assert_eq "$(see 'cat /second')" 'b new sub'

# At the same time: one after the other, a copy for each, or all in one.
share() {
  cat >app/Dockerfile <<TEXT
FROM busybox AS one
RUN --mount=type=cache,target=/c,id=$1,sharing=$1 touch /c/one; i=0; while [ \$i -lt 20 ] && [ ! -e /c/two ]; do sleep 0.1; i=\$((i+1)); done; ls /c >/one
FROM busybox AS two
RUN --mount=type=cache,target=/c,id=$1,sharing=$1 touch /c/two; i=0; while [ \$i -lt 20 ] && [ ! -e /c/one ]; do sleep 0.1; i=\$((i+1)); done; ls /c >/two
FROM busybox
COPY --from=one /one /one
COPY --from=two /two /two
TEXT
  build
  see 'echo $(cat /one) : $(cat /two)'
}
assert_eq "$(share shared)" 'one two : one two'
assert_eq "$(share private)" 'one : two'
seen=$(share locked)
[ "$seen" = 'one : one two' ] || [ "$seen" = 'one two : two' ] || fail "locked: $seen"
# Of another build, too.
printf 'FROM busybox\nRUN --mount=type=cache,target=/c,sharing=locked touch /c/in; while [ ! -e /c/go ]; do sleep 0.1; done\n' >app/Dockerfile
tare build -q --network none --no-lock --no-cache app >/dev/null 2>&1 &
other=$!
place() { grep -ls '"dev.tare.build-cache": "/c"' "$TARE_ROOT"/volumes/*/volume.json | xargs -rn1 dirname | while read -r each; do [ ! -e "$each/_data/in" ] || echo "$each"; done; }
holds() { [ -n "$(place)" ]; }
eventually 100 holds
printf 'FROM busybox\nRUN --mount=type=cache,target=/c,sharing=locked touch /c/second\n' >app/Dockerfile
tare build --progress plain --network none --no-lock app >waits 2>&1 &
waiting=$!
told() { grep -q "waiting for the cache" waits; }
eventually 100 told
not test -e "$(place)/_data/second"
tare builder prune -af --filter type=exec.cachemount >pruned # It is in use.
holds || fail 'a cache that is used was pruned'
: >"$(place)/_data/go"
wait $other
wait $waiting || fail "$(cat waits)"
eventually 50 test -e "$(place)/_data/second"

# Caches are no volumes, but space that is taken.
assert_eq "$(tare volume ls -q)" ''
tare volume create mine >/dev/null
tare volume prune -af >/dev/null
[ -n "$(place)" ] || fail 'volume prune took a cache'
assert_contains "$(tare df --format json)" '"CacheMounts":[{'
tare builder prune -f >/dev/null # Those used today stay.
[ -n "$(place)" ] || fail 'a recent cache was pruned'
assert_contains "$(tare builder prune -a --dry-run)" 'cache mounts'
assert_matches "$(tare builder prune -af --filter type=exec.cachemount)" '^removed 0 steps of builds and [1-9][0-9]* cache mounts$'
assert_eq "$(ls "$TARE_ROOT/volumes")" ''
printf 'FROM busybox\nRUN --mount=type=cache,target=/c,source=x true\n' >app/Dockerfile
exits 1 tare build -q --no-lock app 2>log
assert_contains "$(cat log)" "'from' names"
