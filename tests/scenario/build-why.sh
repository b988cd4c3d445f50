# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2119
# as: root user
# needs: docker-registry skopeo jq
# Every file of an image that was built says which step made it and what of: after the cache is gone, and
# where the image was pulled. What says so is read by others, too.
. "$TEST_LIB"
# shellcheck source=tests/registry.sh
. "$(dirname "$TEST_LIB")/registry.sh"

image_busybox
mkdir -p app/src
echo main >app/src/main
echo other >app/other
cat >app/Dockerfile <<'TEXT'
FROM busybox AS build
COPY src/ /src/
RUN cat /src/main /src/main >/program

FROM busybox
ARG API_TOKEN=none
ARG LEVEL=1
COPY --from=build /program /src/main /app/
COPY other /etc/other
RUN echo "$LEVEL" >/etc/made && rm /bin/wget
TEXT
build() {
  tare build --network none --progress plain -t app --build-arg LEVEL=3 --build-arg API_TOKEN=geheim \
    "$@" app 2>log || fail "$(cat log)"
}
build
check() {
  local out
  out=$(tare why "$1" /app/program)
  assert_contains "$out" 'step      Dockerfile:8 in stage-1: COPY --from=build /program /src/main /app/'
  assert_contains "$out" 'made by   Dockerfile:3 in build: RUN cat'
  out=$(tare why "$1" /app/main)
  assert_contains "$out" 'made by   Dockerfile:2 in build: COPY src/ /src/'
  out=$(tare why --json "$1" etc/other)
  assert_eq "$(jq -r '.Source + " " + .Steps[0].Place' <<<"$out")" 'other Dockerfile:9'
  assert_contains "$(tare why "$1" /etc/made)" 'Dockerfile:10'
  assert_contains "$(tare why "$1" /bin/busybox)" 'image     busybox:latest'
  assert_lacks "$(tare why "$1" /bin/busybox)" 'Dockerfile:'
  not tare why "$1" /bin/wget 2>/dev/null
  tare blame --format '{{.Place}} {{.Path}}' "$1" >blamed
  grep -qx 'Dockerfile:3 /app/program' blamed || fail "$(cat blamed)"
  grep -qx 'Dockerfile:10 /etc/made' blamed || fail "$(cat blamed)"
  grep -qx 'busybox:latest /bin/busybox' blamed || fail "$(cat blamed)"
}
check app

# The image is what it is without that, and the same build attests the same.
id=$(tare inspect --format '{{.Id}}' app)
start_registry
tare tag app "$REGISTRY/app:1"
tare push -q "$REGISTRY/app:1" >/dev/null
pushed=$(skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/app:1")
assert_eq "$(jq -r '.manifests[1].annotations["vnd.docker.reference.digest"]' <<<"$pushed")" \
  "$(jq -r '.manifests[0].digest' <<<"$pushed")"
assert_eq "$(jq -r '.manifests[1].platform.os' <<<"$pushed")" unknown
tare builder prune -a -f >/dev/null
build --no-cache
assert_eq "$(tare inspect --format '{{.Id}}' app)" "$id"
tare push -q "$REGISTRY/app:1" >/dev/null
assert_eq "$(skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/app:1")" "$pushed"
assert_eq "$(tare images -q | sort -u | wc -l)" 2

# Others find the statements by the list of referrers, and by the index.
assert_contains "$(tare referrers "$REGISTRY/app@$(jq -r '.manifests[0].digest' <<<"$pushed")")" application/vnd.docker.attestation.manifest.v1+json
skopeo copy -q --all --src-tls-verify=false "docker://$REGISTRY/app:1" oci:layout:1
blob() { cat "layout/blobs/sha256/${1#sha256:}"; }
manifest=$(blob "$(jq -r '.manifests[1].digest' <<<"$pushed")")
provenance=$(blob "$(jq -r '.layers[] | select(.annotations["in-toto.io/predicate-type"] ==
  "https://slsa.dev/provenance/v1") | .digest' <<<"$manifest")")
assert_eq "$(jq -r '.subject[0].digest.sha256' <<<"$provenance")" \
  "$(jq -r '.manifests[0].digest | ltrimstr("sha256:")' <<<"$pushed")"
parameters=$(jq .predicate.buildDefinition.externalParameters <<<"$provenance")
assert_eq "$(jq -r .dockerfile.content <<<"$parameters")" "$(cat app/Dockerfile)"
assert_eq "$(jq -r .arguments.LEVEL <<<"$parameters")" 3
assert_eq "$(jq -r .arguments.API_TOKEN <<<"$parameters")" null
assert_lacks "$provenance" "$TMPDIR"

# In another store.
tare builder prune -a -f >/dev/null
check app
other=$TEST_DIR/other-root
TARE_ROOT=$other tare pull -q --tls-verify=false "$REGISTRY/app:1" >/dev/null
TARE_ROOT=$other check "$REGISTRY/app:1"
TARE_ROOT=$other tare rmi "$REGISTRY/app:1" >/dev/null
# Through a file, as well.
tare save --format oci-archive -o app.tar app
TARE_ROOT=$other tare load -q -i app.tar >/dev/null
TARE_ROOT=$other check app

# Without.
build --attest type=provenance,disabled=true --sbom=false
tare push -q "$REGISTRY/app:1" >/dev/null
assert_contains "$(tare why app /etc/made 2>notes)" 'a step: RUN'
assert_contains "$(cat notes)" 'no record of its build'
tare tag app "$REGISTRY/app:2"
tare push -q "$REGISTRY/app:2" >/dev/null
assert_eq "$(skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/app:2" | jq -r .mediaType)" \
  application/vnd.oci.image.manifest.v1+json
build --provenance=mode=min
assert_lacks "$(tare copy -q --all store:app oci:min:1 && cat min/blobs/sha256/*)" 'RUN cat /src/main /src/main >/program\n'
