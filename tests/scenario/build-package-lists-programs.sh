# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2119
# as: root user
# needs: jq objcopy python3
# What programs of Go and Rust and archives of Java were built of is in the lists; why knows whose the files of
# packages of Python, npm and RubyGems are.
. "$TEST_LIB"

image_busybox
mkdir app
python3 - <<'PYTHON'
import json, struct, zipfile, zlib
mark = 'm' * 16
modules = mark + 'path\texample.org/go\nmod\texample.org/go\tv1.2.0\th1:x=\ndep\texample.org/dep\tv0.1.0\th1:y=\n' + mark
version = 'go1.21.3'
note = b'\xff Go buildinf:\x08\x02' + bytes(16) + bytes([len(version)]) + version.encode()
note += bytes([0x80 | len(modules) & 0x7f, len(modules) >> 7]) + modules.encode()
open('note.go', 'wb').write(note)
packages = [{'name': 'lib', 'version': '2.0.0'}, {'name': 'crab', 'version': '0.1.0', 'root': True},
            {'name': 'cc', 'version': '1', 'kind': 'build'}]
open('note.rust', 'wb').write(zlib.compress(json.dumps({'packages': packages}).encode()))
with zipfile.ZipFile('inner.jar', 'w', zipfile.ZIP_DEFLATED) as jar:
    jar.writestr('META-INF/MANIFEST.MF', 'Bundle-Version: 3.1\n')
with zipfile.ZipFile('app/shop-1.0.jar', 'w', zipfile.ZIP_DEFLATED) as jar:
    jar.writestr('META-INF/maven/org.example/shop/pom.properties', 'groupId=org.example\nartifactId=shop\nversion=1.0\n')
    jar.write('inner.jar', 'BOOT-INF/lib/inner-3.jar')
PYTHON
# Programs that really run.
program=$(type -P true)
objcopy --add-section .go.buildinfo=note.go "$program" app/gopher
objcopy --add-section .dep-v0=note.rust "$program" app/crab
cp app/gopher app/not-executable
chmod 644 app/not-executable
mkdir -p app/site/Flask-3.0.dist-info app/site/flask app/modules/left app/gems/specifications app/gems/gems/rake-13.0
printf 'Name: Flask\nVersion: 3.0\n' >app/site/Flask-3.0.dist-info/METADATA
printf 'flask/init.py,sha256=x,1\n../bin/flask,,\nFlask-3.0.dist-info/RECORD,,\n' >app/site/Flask-3.0.dist-info/RECORD
touch app/site/flask/init.py app/flask app/gems/gems/rake-13.0/Rakefile
echo '{"name":"left","version":"1.2.3"}' >app/modules/left/package.json
echo 'module' >app/modules/left/index.js
printf '  s.name = "rake".freeze\n  s.version = "13.0"\n' >app/gems/specifications/rake-13.0.gemspec
cat >app/Dockerfile <<'TEXT'
FROM busybox
COPY gopher crab not-executable flask /usr/bin/
COPY shop-1.0.jar /srv/
COPY site/ /usr/site/
COPY modules/ /srv/node_modules/
COPY gems/ /usr/gems/
TEXT
tare build -q --network none -t app app >/dev/null
tare copy -q --all store:app oci:layout:1 >/dev/null
bom=$(for file in layout/blobs/sha256/*; do
  jq -ce 'select(.predicateType? == "https://cyclonedx.org/bom") | .predicate' "$file" 2>/dev/null || true
done)
assert_eq "$(jq -r '.components[].purl // empty' <<<"$bom")" 'pkg:cargo/crab@0.1.0
pkg:cargo/lib@2.0.0
pkg:gem/rake@13.0
pkg:golang/stdlib@1.21.3
pkg:golang/example.org/dep@v0.1.0
pkg:golang/example.org/go@v1.2.0
pkg:maven/inner@3.1
pkg:maven/org.example/shop@1.0
pkg:npm/left@1.2.3
pkg:pypi/flask@3.0'
assert_eq "$(jq -r '.components[] | select(.name == "inner").properties[0].value' <<<"$bom")" '/srv/shop-1.0.jar!/BOOT-INF/lib/inner-3.jar'
while read -r path package; do
  assert_contains "$(tare why app "$path")" "  package   $package"
done <<'TEXT'
/usr/bin/gopher example.org/go v1.2.0
/usr/bin/crab crab 0.1.0
/srv/shop-1.0.jar org.example:shop 1.0
/usr/site/flask/init.py flask 3.0
/usr/bin/flask flask 3.0
/srv/node_modules/left/index.js left 1.2.3
/usr/gems/gems/rake-13.0/Rakefile rake 13.0
TEXT
assert_lacks "$(tare why app /usr/bin/not-executable)" package
