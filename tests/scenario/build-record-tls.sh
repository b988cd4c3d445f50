# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# HTTPS is noted like HTTP: programs in RUN believe the build's authority, the recorder believes whom this
# machine believes. A real apt installs a package over it, and again without a network, bit for bit; also the
# package that rewrites the list of all certificates.
# as: root
# network: outside
# needs: jq openssl dpkg-deb
. "$TEST_LIB"
# shellcheck source=tests/web.sh
. "$(dirname "$TEST_LIB")/web.sh"
[ -s "$TEST_CACHE/debian.tar" ] || skip 'there is no Debian root file system'
tare load -q -n debian -i "$TEST_CACHE/debian.tar" >/dev/null
make_certificate
export SSL_CERT_FILE=$PWD/ca/ca.pem

# package NAME: with a file, and what ca-certificates does when it is installed.
package() {
  mkdir -p "tree/$1/DEBIAN" "tree/$1/usr/share/$1"
  printf 'Package: %s\nVersion: 1.0\nArchitecture: all\nMaintainer: T <t@example>\nDescription: test\n' "$1" >"tree/$1/DEBIAN/control"
  head -c 100000 /dev/urandom >"tree/$1/usr/share/$1/data"
  if [ "$1" = certificates ]; then
    printf '#!/bin/sh\nset -e\nmkdir -p /etc/ssl/certs\nf=/etc/ssl/certs/ca-certificates.crt\necho made >$f.new\nchmod 644 $f.new\nmv -f $f.new $f\n' >"tree/$1/DEBIAN/postinst"
    chmod 755 "tree/$1/DEBIAN/postinst"
  fi
  dpkg-deb --root-owner-group -b "tree/$1" files >/dev/null
  local file=files/$1_1.0_all.deb
  dpkg-deb -f "$file" >>files/Packages
  printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "${file#files/}" "$(stat -c %s "$file")" \
    "$(sha256sum <"$file" | cut -d ' ' -f 1)" >>files/Packages
}
mkdir files
package hello-test
package certificates
printf 'Date: Thu, 01 Jan 2026 00:00:00 UTC\nSHA256:\n %s %s Packages\n' "$(sha256sum <files/Packages | cut -d ' ' -f 1)" \
  "$(stat -c %s files/Packages)" >files/Release
start_web 8443 ca/certificate ca/key
mkdir app
cat >app/Dockerfile <<TEXT
FROM debian
ADD $base/file/added /
RUN rm -f /etc/apt/sources.list.d/* && echo 'deb [trusted=yes] $base ./' >/etc/apt/sources.list
RUN apt-get update && apt-get install -y certificates hello-test && rm -rf /var/lib/apt/lists/* /var/log/* /var/cache/apt /var/cache/ldconfig
RUN apt-get update -o Debug::Acquire::https=0 && rm -rf /var/lib/apt/lists /var/cache/apt
TEXT
id=$(tare build -q -t app app 2>log) || fail "$(cat log server.log)"
assert_contains "$(jq -r '.runs[].downloads[] | "\(.status // 200) \(.url)"' app/Dockerfile.lock)" "200 $base/./hello-test_1.0_all.deb"
assert_eq "$(tare run --rm --network none app cat /added)" 'content of added'
assert_eq "$(jq -r '.sources[].url // empty' app/Dockerfile.lock)" "$base/file/added"
assert_eq "$(tare run --rm --network none app cat /etc/ssl/certs/ca-certificates.crt)" made
assert_eq "$(tare run --rm --network none app cat /usr/share/hello-test/data | sha256sum)" "$(sha256sum <tree/hello-test/usr/share/hello-test/data)"
net_clean
unset SSL_CERT_FILE
assert_eq "$(tare build -q --locked --no-cache app 2>log)" "$id" "$(cat log)"

# The authority of the build is nowhere in the result.
tare save app | tar -xO --wildcards '*' 2>/dev/null >all
not grep -qa 'Tare build' all

# A server that this machine does not believe is refused.
start_web 8444 ca/certificate ca/key
printf 'FROM debian\nRUN echo "deb [trusted=yes] %s ./" >/etc/apt/sources.list; ! apt-get update -o APT::Update::Error-Mode=any\n' \
  "$base" >app/Dockerfile
tare build --no-cache app >log 2>&1 || fail "$(cat log)"
# The program shows what it was told, and so does the build: which host, and why.
assert_contains "$(cat log)" "502  Bad Gateway (tare: $base/./InRelease: SSL certificate problem"
assert_contains "$(cat log)" "tare: $base/./InRelease: SSL certificate problem"
