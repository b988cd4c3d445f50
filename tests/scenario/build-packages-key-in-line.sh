# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# needs: gpg dpkg-deb python3 xz jq
# PKG from a repository of the stage whose key is in its list (Signed-By with the key itself): that key counts, and
# no other.
. "$TEST_LIB"
# shellcheck source=tests/deb.sh
. "$(dirname "$TEST_LIB")/deb.sh"
make_key own ed25519
make_key other ed25519
mkdir -p files/usr/share && echo here >files/usr/share/tool && make_deb tool 1.0
make_index own
serve_repository

mkdir -p app/sources
list() { # KEY: as sources.list(5) wants it: a space in front, a dot for an empty line.
  printf 'Types: deb\nURIs: %s\nSuites: stable\nComponents: main\nSigned-By:\n' "$URL"
  sed 's/^$/./; s/^/ /' "$1.asc"
}
printf 'FROM scratch\nCOPY sources/ /etc/apt/sources.list.d/\nPKG deb: tool\n' >app/Dockerfile
list own >app/sources/test.sources
tare build -q -t app app >/dev/null 2>log || fail "$(cat log)"
image_files app >/dev/null
assert_eq "$(image_file usr/share/tool)" here
list other >app/sources/test.sources
not tare build -q -t app app >/dev/null 2>log
assert_contains "$(cat log)" 'Dockerfile:3'
assert_contains "$(cat log)" 'sign'
# Half a key is none.
list own | head -n 8 >app/sources/test.sources
not tare build -q -t app app >/dev/null 2>log
assert_contains "$(cat log)" 'Dockerfile:3'
