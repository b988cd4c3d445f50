# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2119
# as: root
# needs: docker-registry jq
# What one build keeps in a directory, in a registry or with its image makes another one, with another store,
# faster, and the same to the last byte. A layer that is not what it says is not taken.
. "$TEST_LIB"
# shellcheck source=tests/registry.sh
. "$(dirname "$TEST_LIB")/registry.sh"
start_registry
image_busybox
mkdir app
echo one >app/file
cat >app/Dockerfile <<'TEXT'
FROM busybox AS made
RUN echo made >/made
FROM busybox
RUN mkdir /x && echo slow >/x/slow
RUN true
COPY --from=made /made /made
COPY file /file
TEXT
tare save busybox -o busybox.tar
first=$TARE_ROOT
elsewhere() { # A store of its own.
  export TARE_ROOT=$TMPDIR/store-$1
  tare load -q -i busybox.tar >/dev/null
}
build() { tare build --network none --progress plain "$@" app 2>log || fail "$(cat log)"; }
id() { tare images -q --no-trunc "$1"; }

build -t app --cache-to type=local,dest="$TMPDIR/cache",mode=max --cache-to "type=registry,ref=$REGISTRY/cache:all,mode=max" \
  --cache-to "type=registry,ref=$REGISTRY/cache:few"
assert_contains "$(cat log)" '0 of 5 steps were there'
before=$(id app)
[ -e app/Dockerfile.lock ] || fail 'no lock was written'
assert_eq "$(jq -r '.manifests | length' "$TMPDIR/cache/index.json")" 1
build -t "$REGISTRY/app:1" --cache-to type=inline --push
# Beside it in an index is what the build did.
digest=$(tare manifest inspect --raw "$REGISTRY/app:1" | jq -r '.manifests[] | select(.platform.os == "linux").digest')
manifest=$(tare manifest inspect --raw "$REGISTRY/app@$digest")
assert_eq "$(jq -r '.annotations["dev.tare.build-cache.v1"] | fromjson | .steps | length' <<<"$manifest")" 4

elsewhere local
build -t app --cache-from type=local,src="$TMPDIR/cache"
assert_contains "$(cat log)" '5 of 5 steps were there'
assert_eq "$(id app)" "$before"
assert_eq "$(tare run --rm --network none app cat /made /x/slow /file)" $'made\nslow\none'
# What a cache says of a step nobody here saw: no lock vouches for it, and here it is done once.
build -t app --locked --cache-from type=local,src="$TMPDIR/cache"
assert_contains "$(cat log)" 'is not used: --locked'
assert_contains "$(cat log)" '0 of 5 steps were there'
assert_contains "$(cat log)" 'because it was made elsewhere'
build -t app --locked
assert_contains "$(cat log)" '5 of 5 steps were there'
elsewhere registry
build -t app --cache-from "type=registry,ref=$REGISTRY/cache:all"
assert_contains "$(cat log)" '5 of 5 steps were there'
assert_eq "$(id app)" "$before"
# Only what the result stands on: the other stage is done again.
elsewhere few
build -t app --cache-from "$REGISTRY/cache:few"
assert_contains "$(cat log)" '4 of 5 steps were there'
elsewhere inline
echo two >app/file
build -t app --cache-from "$REGISTRY/app:1"
assert_contains "$(cat log)" '3 of 5 steps were there'
echo one >app/file

# What is not there, or no cache, is told of and does no harm.
elsewhere none
build -t app --cache-from "$REGISTRY/nothing:1" --cache-from type=local,src="$TMPDIR/nowhere"
assert_contains "$(cat log)" 'is not used'
assert_contains "$(cat log)" '0 of 5 steps were there'
# SECURITY: other bytes under a layer's name.
layer=$(jq -r '.layers[0].digest' "$TMPDIR/cache/blobs/sha256/$(jq -r '.manifests[0].digest' "$TMPDIR/cache/index.json" | cut -d: -f2)" | cut -d: -f2)
chmod u+w "$TMPDIR/cache/blobs/sha256/$layer"
head -c "$(stat -c %s "$TMPDIR/cache/blobs/sha256/$layer")" /dev/zero >other
cp other "$TMPDIR/cache/blobs/sha256/$layer"
elsewhere damaged
build -t app --cache-from type=local,src="$TMPDIR/cache"
assert_contains "$(cat log)" 'is not taken'
assert_eq "$(id app)" "$before"
# A record that names another layer than it has.
not tare build --network none --cache-from type=gha app 2>log
assert_contains "$(cat log)" "'gha' are not known"
export TARE_ROOT=$first

# What a push would refuse does not leave in a cache either.
printf 'FROM busybox\nRUN --mount=type=secret,id=token cp /run/secrets/token /kept\n' >leaky
echo a-secret-of-some-length >token
exits 1 tare build -f leaky --network none --secret id=token,src=token --cache-to type=local,dest="$TMPDIR/leaky" app 2>log
assert_contains "$(cat log)" "the secret 'token' is in what this step made"
[ ! -e "$TMPDIR/leaky/index.json" ] || fail 'the cache was written'
