# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2119
# as: root user
# needs: jq
# The packages of an image are listed beside it, as SPDX and as CycloneDX, and why knows whose a file is.
. "$TEST_LIB"

image_busybox
mkdir -p app/modules/node_modules/@a/left app/site/Flask-3.0.dist-info
cat >app/status <<'TEXT'
Package: tool
Status: install ok installed
Architecture: amd64
Version: 1:2.0-1
Source: tools (1.9)
Description: a tool
 with Version: 7 in its text

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1
TEXT
printf '/usr/bin/tool\n' >app/tool.list
printf 'P:apked\nV:3-r0\nA:x86_64\nF:opt\nR:apked\n\n' >app/installed
echo '{"name":"@a/left","version":"1.2.3","license":"MIT"}' >app/modules/node_modules/@a/left/package.json
printf 'Metadata-Version: 2.1\nName: Flask\nVersion: 3.0\n\nVersion: 9\n' >app/site/Flask-3.0.dist-info/METADATA
cat >app/Dockerfile <<'TEXT'
FROM busybox
COPY status /var/lib/dpkg/status
COPY tool.list /var/lib/dpkg/info/tool.list
COPY installed /lib/apk/db/installed
COPY modules/ /srv/
COPY site/ /usr/lib/python3/
RUN echo '#!' >/opt/apked 2>/dev/null || { mkdir -p /opt /usr/bin && echo >/opt/apked; }
RUN mkdir -p /usr/bin && echo tool >/usr/bin/tool && printf 'ID=debian\nVERSION_ID="12"\n' >/etc/os-release
TEXT
tare build -q --network none -t app app >/dev/null
predicate() {
  rm -rf layout
  tare copy -q --all store:app oci:layout:1 >/dev/null
  local file
  for file in layout/blobs/sha256/*; do
    jq -ce --arg type "$1" 'select(.predicateType? == $type) | .predicate' "$file" 2>/dev/null || true
  done
}
spdx=$(predicate https://spdx.dev/Document)
assert_eq "$(jq -r '.spdxVersion + " " + .SPDXID + " " + .dataLicense' <<<"$spdx")" 'SPDX-2.3 SPDXRef-DOCUMENT CC0-1.0'
assert_eq "$(jq -r '.packages[].externalRefs[]?.referenceLocator' <<<"$spdx")" \
  'pkg:apk/debian/apked@3-r0?arch=x86_64
pkg:deb/debian/tool@1:2.0-1?arch=amd64
pkg:npm/%40a/left@1.2.3
pkg:pypi/flask@3.0'
bom=$(predicate https://cyclonedx.org/bom)
assert_eq "$(jq -r '[.components[].purl // empty] | sort | join(" ")' <<<"$bom")" \
  "$(jq -r '[.packages[].externalRefs[]?.referenceLocator] | sort | join(" ")' <<<"$spdx")"
assert_eq "$(jq -r '.specVersion' <<<"$bom")" 1.6
# The same again, and nothing without.
tare build -q --network none --no-cache -t app app >/dev/null
assert_eq "$(predicate https://spdx.dev/Document)" "$spdx"
assert_contains "$(tare why app /usr/bin/tool)" 'package   tool 1:2.0-1'
assert_contains "$(tare why app /opt/apked)" 'package   apked 3-r0'
assert_lacks "$(tare why app /etc/os-release)" package
tare build -q --network none --sbom=false -t app app >/dev/null
assert_eq "$(predicate https://spdx.dev/Document)" ''
