# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2119
# as: root user
# needs: docker-registry jq skopeo
# The packages of an image and how it was built are shown: of one that is here, also where nothing was attested, and of
# one in a registry, as docker buildx imagetools inspect shows it.
. "$TEST_LIB"
# shellcheck source=tests/registry.sh
. "$(dirname "$TEST_LIB")/registry.sh"
image_busybox
mkdir -p app/lib/dpkg
printf 'Package: zlib1g\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:1.2.13\n\nPackage: adduser\nStatus: install ok installed\nArchitecture: all\nVersion: 3.134\n\n' \
  >app/lib/dpkg/status
printf 'FROM busybox\nARG LEVEL=1\nCOPY lib /var/lib\nRUN echo "$LEVEL" >/level\n' >app/Dockerfile
build() { tare build -q --network none "$@" app >/dev/null 2>log || fail "$(cat log)"; }
build -t app --build-arg LEVEL=7

# A table, a template, and documents for other programs, on standard output or in a file.
assert_eq "$(tare sbom app | tr -s ' ')" $'NAME VERSION TYPE\nadduser 3.134 deb\nzlib1g 1:1.2.13 deb'
assert_eq "$(tare image sbom --format '{{.Name}} {{.Place}}' app | head -1)" 'adduser /var/lib/dpkg/status'
tare sbom --format spdx app >listed
assert_eq "$(jq -r '.spdxVersion + " " + ([.packages[].name] | join(","))' listed)" 'SPDX-2.3 image,adduser,zlib1g'
tare sbom --format cyclonedx-json -o bom app
assert_eq "$(jq -r '.specVersion + " " + ([.components[] | select(.type == "library") | .name] | join(","))' bom)" '1.6 adduser,zlib1g'
exits 1 tare sbom --format spdx nothing 2>log
assert_contains "$(cat log)" 'no such image'

# Without attestations it is read from the files, and is the same but for the image.
build -t bare --sbom=false --provenance=false
assert_eq "$(tare sbom bare)" "$(tare sbom app)"
assert_eq "$(tare sbom --format spdx bare | jq -c '[.packages[1:][].name]')" '["adduser","zlib1g"]'

look() { tare buildx imagetools inspect "$@"; }
# What is here: an index, as a push would send it.
out=$(look app)
assert_matches "$out" $'^Name:      docker.io/library/app:latest\nMediaType: application/vnd.oci.image.index.v1.json\nDigest:    sha256:'
assert_contains "$out" $'\n\nManifests:\n'
assert_matches "$out" 'vnd.docker.reference.type: +attestation-manifest'
assert_eq "$(look --format '{{.Manifest}}' app)" "$out"
assert_eq "$(look --format '{{json .SBOM}}' app | jq -c .SPDX)" "$(jq -c . listed)"
assert_eq "$(look --format '{{json .SBOM.SPDX}}' app | jq -c .)" "$(jq -c . listed)"
assert_eq "$(look --format '{{json .Provenance.SLSA}}' app | jq -r .buildDefinition.externalParameters.arguments.LEVEL)" 7
assert_eq "$(look --format '{{range .SBOM.SPDX.packages}}{{.name}}@{{.versionInfo}} {{end}}' app | cut -d' ' -f 2-)" \
  'adduser@3.134 zlib1g@1:1.2.13 '
assert_eq "$(look --format '{{.Image.OS}} {{.Image.RootFS.Type}} {{len .Image.RootFS.DiffIDs}}' app)" \
  "linux layers $(tare inspect --format '{{len .RootFS.Layers}}' app)"
assert_eq "$(look --format '{{json .}}' app | jq -r '.name + " " + .image.os + " " + (.manifest.manifests | length | tostring)')" \
  'app linux 2'
assert_eq "$(look --format '{{json .SBOM}}{{json .Provenance}}' bare)" '{}{}'
assert_eq "$(look --format '{{.Manifest.MediaType}}' bare)" application/vnd.oci.image.manifest.v1+json
assert_eq "sha256:$(look --raw app | sha256sum | cut -d' ' -f 1)" "$(look --format '{{.Manifest.Digest}}' app)"
exits 1 look --raw --format json app 2>log
exits 1 look 'store:nothing' 2>log
assert_contains "$(cat log)" 'no such image'

# In a registry it is the same, and a name that was pulled is asked for there.
start_registry
name=$REGISTRY/some/app:1
tare tag app "$name"
here=$(look --raw "$name")
tare push -q "$name" >/dev/null
for from in "$name" "docker://$name" "store:$name"; do assert_eq "$(look --raw "$from")" "$here"; done
assert_eq "$(skopeo inspect --tls-verify=false --raw "docker://$name")" "$here"
tare rmi "$name" app >/dev/null
assert_eq "$(look --format '{{json .SBOM.SPDX}}' "$name" | jq -c .)" "$(jq -c . listed)"
assert_eq "$(look --format '{{json .Provenance.SLSA}}' "$name" | jq -r .buildDefinition.externalParameters.arguments.LEVEL)" 7
tare pull -q "$name" >/dev/null
tare tag bare "$REGISTRY/some/app:2"
tare push -q "$REGISTRY/some/app:2" >/dev/null
skopeo copy -q --all --src-tls-verify=false --dest-tls-verify=false "docker://$REGISTRY/some/app:2" "docker://$name"
assert_eq "$(look --format '{{.Manifest.MediaType}}' "$name")" application/vnd.oci.image.manifest.v1+json
assert_eq "$(look --raw "store:$name")" "$here"
exits 1 look "$REGISTRY/some/other" 2>log
assert_contains "$(cat log)" 'store:NAME'

# All of it gets another name there.
tare buildx imagetools create -t "$REGISTRY/some/app:4" -t "$REGISTRY/other:1" "$REGISTRY/some/app:2" >/dev/null 2>&1
assert_eq "$(look --raw "docker://$REGISTRY/other:1")" "$(look --raw "docker://$REGISTRY/some/app:2")"
assert_eq "$(tare buildx imagetools create --dry-run "$REGISTRY/some/app:4")" "$(look --raw "docker://$REGISTRY/some/app:2")"
exits 1 tare buildx imagetools create -t x "$REGISTRY/some/app:2" "$REGISTRY/some/app:1" 2>log
assert_contains "$(cat log)" 'manifest create'

# Of an index for several platforms everything is by platform.
skopeo copy -q --all --src-tls-verify=false "docker://$REGISTRY/some/app:2" oci:layout:2
python3 - "$here" <<'PY'
import hashlib, json, sys
index = json.loads(sys.argv[1])
other = dict(index["manifests"][0], platform={"architecture": "arm64", "os": "linux", "variant": "v8"})
index["manifests"].append(other)
json.dump(index, open("several", "w"))
PY
curl -sf -X PUT -H 'Content-Type: application/vnd.oci.image.index.v1+json' --data-binary @several \
  "http://$REGISTRY/v2/some/app/manifests/several"
several=$REGISTRY/some/app:several
assert_eq "$(look --format '{{json .Image}}' "$several" | jq -c keys)" '["linux/amd64","linux/arm64"]'
assert_eq "$(look --format '{{(index .SBOM "linux/arm64").SPDX.spdxVersion}}' "$several")" SPDX-2.3
assert_contains "$(look "$several")" 'linux/arm64/v8'
