# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# as: root user
# needs: jq
# verify --rebuild builds an image again from what is attested of it, offline and without the cache: it is the same, or
# the step and the file that differ are named. What it cannot do without is asked for.
. "$TEST_LIB"
image_busybox
mkdir -p app/src
echo one >app/src/one
echo two >app/src/two
echo ignored >app/ignored
echo ignored >app/.dockerignore
cat >app/Dockerfile <<'TEXT'
FROM busybox AS made
ARG WHO
COPY src/ /src/
RUN cat /src/* >/both && echo "for $WHO" >/who
FROM busybox
ENV GREETING=hello
COPY --from=made /both /who /made/
RUN rm /bin/wget && ln /made/both /made/hard
COPY . /context/
RUN --mount=type=secret,id=key,required=true wc -c </run/secrets/key >/length
CMD ["/made/who"]
TEXT
echo geheim >key
build() { tare build -q --network none --build-arg WHO=me --label kind=test --secret id=key,src=key "$@" app 2>log || fail "$(cat log)"; }
id=$(build -t app)
rebuild() { timeout 60 tare verify --rebuild --secret id=key,src=key "$@"; }
assert_eq "$(rebuild app app 2>log)" 'app comes from its recipe: 6 steps, 2 layers' "$(cat log)"
# With the layers of steps put together or not; without a lock, by what the record says; without the build cache.
for layers in --squash --squash-all; do
  build "$layers" -t squashed >/dev/null
  assert_contains "$(rebuild squashed app 2>log)" 'squashed comes from its recipe: 6 steps' "$(cat log)"
done
mv app/Dockerfile.lock lock
assert_contains "$(cd app && tare verify --rebuild --secret id=key,src=../key app 2>../log)" 'comes from' "$(cat log)"
tare builder prune -af >/dev/null
assert_contains "$(rebuild --lock lock app app 2>log)" 'comes from' "$(cat log)"
# Nothing is left of it.
assert_eq "$(tare images -a --format '{{.Repository}}' | sort | uniq | tr '\n' ' ')" 'app busybox squashed '
assert_contains "$(tare builder prune -af)" 'removed 0 steps'
# What no record has is asked for.
exits 1 tare verify --rebuild app app >out 2>log
assert_contains "$(cat log)" "had the secret 'key'"
assert_contains "$(cat log)" '--secret id=key'
exits 1 rebuild --build-arg WHO=me --build-arg MORE=1 app app >out 2>log
assert_contains "$(cat log)" "had no argument 'MORE'"

# Another context: the step, and the file as long as the layer of the step is there.
cp lock app/Dockerfile.lock
echo TWO >app/src/two
exits 1 rebuild app app >out 2>log
assert_contains "$(cat log)" "image 'app' does not come from its recipe"
assert_contains "$(cat log)" 'Dockerfile:3: COPY src/ /src/'
assert_lacks "$(cat log)" '/src/two'
echo two >app/src/two
assert_eq "$(build -t app)" "$id"
echo TWO >app/src/two
exits 1 rebuild app app >out 2>log
assert_contains "$(cat log)" "'/src/two' differs: its content differs (Dockerfile:3: COPY src/ /src/)"
echo two >app/src/two
# A program that makes something else each time.
mkdir random
printf 'FROM busybox\nRUN cat /proc/sys/kernel/random/uuid >/id\n' >random/Dockerfile
tare build -q --network none -t random random >/dev/null
exits 1 tare verify --rebuild random random >out 2>log
assert_contains "$(cat log)" "'/id' differs: its content differs (Dockerfile:2: RUN cat"

# Locks: of another build, and none at all.
sed 's/sha256:[0-9a-f]*/sha256:'"$(printf %064d 0)"'/' lock >app/Dockerfile.lock
exits 1 rebuild app app >out 2>log
assert_contains "$(cat log)" "the lock is not that of the image's build, which took another 'docker-image://busybox'"
assert_contains "$(rebuild --no-lock app app 2>log)" 'comes from' "$(cat log)"
echo nonsense >app/Dockerfile.lock
exits 1 rebuild app app >out 2>log
assert_contains "$(cat log)" 'Dockerfile.lock'
exits 1 rebuild --lock nowhere app app >out 2>log
assert_contains "$(cat log)" "no lock 'nowhere'"
rm app/Dockerfile.lock
# No recipe: loaded, or not told.
exits 1 rebuild busybox app >out 2>log
assert_contains "$(cat log)" "image 'busybox' has no recipe: nothing tells how it was built"
build --provenance=mode=min -t minimal >/dev/null
exits 1 rebuild minimal app >out 2>log
assert_contains "$(cat log)" 'does not tell the Dockerfile'
# The base image is gone.
build -t app >/dev/null
rm app/Dockerfile.lock
tare rmi -f --no-undo busybox >/dev/null
exits 1 rebuild app app >out 2>log
assert_contains "$(cat log)" "image 'busybox' of the lock"
