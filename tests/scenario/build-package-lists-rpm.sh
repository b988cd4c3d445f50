# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2119
# as: root user
# needs: jq rpmbuild db5.3_load python3
# Packages of rpm are in the lists, and their files known, from the databases of rpm now and of before.
. "$TEST_LIB"

image_busybox
mkdir -p app/sqlite app/hash app/broken made
cat >tool.spec <<'TEXT'
Name: tool
Epoch: 2
Version: 1.5
Release: 3
Summary: A tool
License: MIT
Vendor: Example
BuildArch: noarch
%description
%install
mkdir -p %{buildroot}/usr/bin %{buildroot}/etc
echo tool >%{buildroot}/usr/bin/tool
echo level=1 >%{buildroot}/etc/tool.conf
%files
/usr/bin/tool
/etc/tool.conf
TEXT
rpmbuild -bb --quiet --define "_topdir $PWD/made" --define "_rpmdir $PWD" tool.spec >rpmbuild.log 2>&1 || fail "$(cat rpmbuild.log)"
rpm --force-debian --dbpath "$PWD/database" -i --justdb --nodeps noarch/tool-1.5-3.noarch.rpm 2>rpm.log || fail "$(cat rpm.log)"
cp database/rpmdb.sqlite app/sqlite/
# The same in the hash of before.
{
  printf 'VERSION=3\nformat=bytevalue\ntype=hash\nHEADER=END\n 00000000\n 01000000\n 01000000\n '
  python3 -c 'import sqlite3; print(sqlite3.connect("database/rpmdb.sqlite").execute("SELECT hex(blob) FROM Packages").fetchone()[0].lower())'
  echo DATA=END
} | db5.3_load -t hash app/hash/Packages
head -c 9000 app/sqlite/rpmdb.sqlite >app/broken/rpmdb.sqlite
printf 'ID="rhel"\nVERSION_ID="9.2"\n' >app/os-release

predicate() { # IMAGE TYPE
  rm -rf layout
  tare copy -q --all "store:$1" oci:layout:1 >/dev/null
  local file
  for file in layout/blobs/sha256/*; do
    jq -ce --arg type "$2" 'select(.predicateType? == $type) | .predicate' "$file" 2>/dev/null || true
  done
}
for kind in sqlite hash; do
  place=/usr/lib/sysimage/rpm
  [ "$kind" = sqlite ] || place=/var/lib/rpm
  printf 'FROM busybox\nCOPY os-release /etc/os-release\nCOPY %s/ %s/\nRUN mkdir -p /usr/bin && echo tool >/usr/bin/tool\n' \
    "$kind" "$place" >app/Dockerfile
  tare build -q --network none -t "$kind" app >/dev/null
  bom=$(predicate "$kind" https://cyclonedx.org/bom)
  assert_eq "$(jq -r '.components[].purl // empty' <<<"$bom")" 'pkg:rpm/rhel/tool@1.5-3?arch=noarch&epoch=2'
  assert_eq "$(jq -r '.components[0].supplier.name' <<<"$bom")" Example
  assert_eq "$(jq -r '.metadata.properties' <<<"$bom")" null
  assert_contains "$(tare why "$kind" /usr/bin/tool)" 'package   tool 1.5-3'
  assert_lacks "$(tare why "$kind" /etc/os-release)" package
done
# What cannot be read is told.
printf 'FROM busybox\nCOPY broken/ /var/lib/rpm/\n' >app/Dockerfile
tare build -q --network none -t broken app >/dev/null
assert_contains "$(predicate broken https://spdx.dev/Document | jq -r .comment)" '/var/lib/rpm/rpmdb.sqlite is damaged'
