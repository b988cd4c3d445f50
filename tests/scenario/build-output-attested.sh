# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# needs: jq
# Files that a build gives out have what is attested of them beside them when that is asked for, as BuildKit writes it:
# provenance.json and sbom.spdx.json, about every file; and no link or file that was there is followed or lost.
. "$TEST_LIB"
image_busybox
mkdir -p app/lib/dpkg
printf 'Package: zlib1g\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.2\n\n' >app/lib/dpkg/status
printf 'FROM scratch\nCOPY lib /var/lib\nCOPY empty /\n' >app/Dockerfile
: >app/empty
build() { SOURCE_DATE_EPOCH=1000000000 tare build --network none "$@" app 2>log || fail "$(cat log)"; }

# Not unless it is asked for.
build -o plain
assert_eq "$(ls plain)" $'empty\nvar'
build -o plain --provenance=mode=max,inline-only=true --sbom=false
assert_eq "$(ls plain)" $'empty\nvar'

build -o out --sbom=true --provenance=mode=max
assert_eq "$(ls out)" $'empty\nprovenance.json\nsbom.spdx.json\nvar'
assert_eq "$(stat -c '%a %u %Y' out/provenance.json)" "600 $(id -u) 1000000000"
assert_eq "$(jq -r ._type out/provenance.json)" https://in-toto.io/Statement/v1
assert_eq "$(jq -r .predicateType out/provenance.json)" https://slsa.dev/provenance/v1
assert_eq "$(jq -r .predicate.buildDefinition.externalParameters.dockerfile.content out/provenance.json)" "$(cat app/Dockerfile)"
assert_eq "$(jq -r .predicateType out/sbom.spdx.json)" https://spdx.dev/Document
assert_eq "$(jq -r '.predicate.packages[1].name' out/sbom.spdx.json)" zlib1g
for document in out/provenance.json out/sbom.spdx.json; do
  assert_eq "$(jq -r '.subject[] | .digest.sha256 + "  " + .name' "$document")" \
    "$(cd out && sha256sum empty var/lib/dpkg/status)"
done

# --attest is the same; min tells no Dockerfile.
build -o other --attest type=provenance,mode=min
assert_eq "$(ls other)" $'empty\nprovenance.json\nvar'
assert_eq "$(jq -r .predicate.buildDefinition.externalParameters.dockerfile.content other/provenance.json)" null

# A tar has them, too, and the same bytes each time.
build --output type=tar,dest=one.tar,attestation-prefix=app- --sbom=true --provenance=true
build --no-cache --output type=tar,dest=two.tar,attestation-prefix=app- --sbom=true --provenance=true
cmp one.tar two.tar
assert_eq "$(tar -tf one.tar | grep json)" $'app-provenance.json\napp-sbom.spdx.json'
assert_eq "$(tar -xOf one.tar app-provenance.json)" "$(cat out/provenance.json)"
assert_contains "$(tar -tf one.tar)" var/lib/dpkg/status

# A link that is there is replaced, a file of the output itself is an error.
echo mine >mine
ln -sf ../mine out/provenance.json
build -o out --provenance=true
assert_eq "$(cat mine)" mine
assert_eq "$(jq -r .predicateType out/provenance.json)" https://slsa.dev/provenance/v1
printf 'FROM scratch\nCOPY empty /provenance.json\n' >app/Dockerfile
exits 1 tare build --network none -o taken --provenance=true app 2>log
assert_contains "$(cat log)" 'attestation-prefix'
build -o taken --output type=local,dest=taken,attestation-prefix=x- --sbom=true
assert_eq "$(ls taken)" $'provenance.json\nsbom.spdx.json\nx-sbom.spdx.json'

# Secrets of the build are in none.
printf 'FROM busybox AS b\nARG WORD\nRUN --mount=type=secret,id=s echo $WORD >/x\nFROM scratch\nCOPY --from=b /x /\n' >app/Dockerfile
printf geheimnis >secret
build -o secret-out --secret id=s,src=secret --build-arg WORD=geheimnis --provenance=true --sbom=true
assert_eq "$(ls secret-out)" $'sbom.spdx.json\nx'
assert_contains "$(cat log)" 'provenance.json'
