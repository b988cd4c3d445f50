# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# needs: gpg dpkg-deb python3 xz jq
# PKG deb: packages and what they depend on, from a signed repository, into an image without a shell.
. "$TEST_LIB"
. "$(dirname "$TEST_LIB")/deb.sh"
make_key old rsa2048
make_key new ed25519

mkdir -p files/usr/bin files/lib/tool files/etc files/DEBIAN
echo '#!/none' >files/usr/bin/tool && chmod 4755 files/usr/bin/tool
ln -s ../usr/bin/tool files/etc/link
echo setting >files/etc/tool.conf
echo library >files/lib/tool/x
echo /etc/tool.conf >files/DEBIAN/conffiles
printf '#!/bin/sh\nexit 1\n' >files/DEBIAN/postinst && chmod 755 files/DEBIAN/postinst
(cd files && md5sum usr/bin/tool lib/tool/x >DEBIAN/md5sums)
make_deb tool 2:1.0-1 'Pre-Depends: part (>= 1.5)' 'Depends: nothing | virtual, part:any (<< 3)' 'Recommends: missing'
mkdir -p files/usr/share && echo 1.4 >files/usr/share/part && COMPRESSION=gzip make_deb part 1.4
mkdir -p files/usr/share && echo 1.10 >files/usr/share/part && COMPRESSION=zstd make_deb part 1.10
mkdir -p files/usr/share && echo 1.10~rc1 >files/usr/share/part && COMPRESSION=none make_deb part 1.10~rc1
mkdir -p files/usr/share && echo real >files/usr/share/real && make_deb real 1 'Provides: virtual (= 3)'
mkdir -p files/usr/share && echo no >files/usr/share/no && make_deb refused 1 'Conflicts: part'
mkdir -p files/usr/share/ca-certificates/mozilla
echo B >files/usr/share/ca-certificates/mozilla/b.crt && echo A >files/usr/share/ca-certificates/mozilla/a.crt
make_deb ca-certificates 1
make_index old new
serve_repository

mkdir app
cp new.asc app/
cat >app/Dockerfile <<TEXT
FROM scratch
ARG NAME=tool
PKG --from="$URL stable main" --key=new.asc deb: \$NAME ca-certificates
TEXT
build() { tare build --layer-per-step --progress plain -t app "$@" app 2>log || fail "$(cat log)"; }
build
assert_contains "$(cat log)" 'note: /var/lib/dpkg/info/tool.postinst was not run'
assert_eq "$(image_files app | grep -v '/$\|var/lib/dpkg')" "lrwxrwxrwx 0/0 bin -> usr/bin
lrwxrwxrwx 0/0 etc/link -> ../usr/bin/tool
-rw-r--r-- 0/0 etc/ssl/certs/ca-certificates.crt
-rw-r--r-- 0/0 etc/tool.conf
lrwxrwxrwx 0/0 lib -> usr/lib
lrwxrwxrwx 0/0 lib64 -> usr/lib64
lrwxrwxrwx 0/0 sbin -> usr/sbin
-rwsr-xr-x 0/0 usr/bin/tool
-rw-r--r-- 0/0 usr/lib/tool/x
-rw-r--r-- 0/0 usr/share/ca-certificates/mozilla/a.crt
-rw-r--r-- 0/0 usr/share/ca-certificates/mozilla/b.crt
-rw-r--r-- 0/0 usr/share/part
-rw-r--r-- 0/0 usr/share/real"
assert_eq "$(image_file usr/share/part)" 1.10
assert_eq "$(image_file etc/ssl/certs/ca-certificates.crt)" $'A\nB'
assert_contains "$(image_file var/lib/dpkg/info/tool.list)" $'/lib/tool/x\n'
# dpkg agrees.
mkdir -p admin/info admin/updates root/etc
image_file var/lib/dpkg/status >admin/status
for file in list md5sums conffiles; do image_file "var/lib/dpkg/info/tool.$file" >"admin/info/tool.$file"; done
image_file var/lib/dpkg/info/format >admin/info/format
echo setting >root/etc/tool.conf
assert_eq "$(dpkg-query --admindir=admin -W -f '${Package} ${Version} ${db:Status-Abbrev}\n')" \
  "ca-certificates 1 ii 
part 1.10 ii 
real 1 ii 
tool 2:1.0-1 ii "
assert_contains "$(dpkg-query --admindir=admin -W -f '${Conffiles}' tool)" "$(md5sum <root/etc/tool.conf | cut -d' ' -f1)"
assert_contains "$(dpkg-query --admindir=admin -s tool)" ' The end.'
build
assert_contains "$(cat log)" '1 of 1 steps were there'
first=$(tare inspect --format '{{.Id}}' app)
build --no-cache
assert_eq "$(tare inspect --format '{{.Id}}' app)" "$first"

# What is there stays; a version that is asked for takes its place, without what only the old one had.
mkdir -p files/usr/share/old && echo x >files/usr/share/old/gone && echo y >files/usr/share/part && make_deb part 2
make_index new
cat >app/Dockerfile <<TEXT
FROM app AS base
PKG --from="$URL tested main" --key=new.asc deb: part=2
FROM base
PKG --from="$URL stable main" --key=new.asc deb: real part=1.4 tool
TEXT
exits 1 tare build -t never app 2>log
assert_contains "$(cat log)" "tool=2:1.0-1 needs part (>= 1.5)"
sed -i 's/ part=1.4 tool/ part=1.10/' app/Dockerfile
tare build --layer-per-step -q -t upgraded app >/dev/null
image_files upgraded >files.txt
grep -q 'usr/share/old/.wh.gone' files.txt || fail "$(cat files.txt)"
assert_eq "$(image_file var/lib/dpkg/status | grep -A2 '^Package: part$' | tail -3)" "Package: part
Status: install ok installed
Version: 1.10"

# Wrong wishes.
wrong() {
  printf 'FROM scratch\nPKG --from="%s %s main" --key=%s deb: %s\n' "$URL" "${3-stable}" "${4-new.asc}" "$1" >app/Dockerfile
  exits 1 tare build --no-cache -t never app 2>log
  assert_contains "$(cat log)" "$2"
}
wrong toll "no package 'toll'"
assert_contains "$(cat log)" 'is tool meant?'
wrong virtual 'it is provided by real'
wrong part=3 "no version '3' of 'part'"
wrong 'tool refused' 'refused=1 does not go with part='
wrong ../x 'is no name of a package'
