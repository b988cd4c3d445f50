# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# apt-get, dpkg and their maintainer scripts work under the default filter. (tests/apps has servers
# and language runtimes.)
# as: root
. "$TEST_LIB"

debian=$TEST_CACHE/debian.tar
[ -s "$debian" ] || skip 'no Debian root file system: its mirror could not be reached when the tests began'
tare import "$debian" debian >/dev/null
out=$(tare run -i --rm --network none debian bash -euo pipefail -s 2>&1 <<'SCRIPT'
grep -q '^Seccomp:[[:space:]]*2$' /proc/self/status
mkdir -p package/DEBIAN package/usr/share/tare-sample
printf 'Package: tare-sample\nVersion: 1\nArchitecture: all\nMaintainer: x <x@example.org>\nDescription: x\n' \
  >package/DEBIAN/control
printf '#!/bin/sh\nset -e\nuseradd -r sample-user\nchown sample-user /usr/share/tare-sample/file\n' >package/DEBIAN/postinst
chmod 755 package/DEBIAN/postinst
echo content >package/usr/share/tare-sample/file
dpkg-deb --root-owner-group -b package /tmp/sample.deb >/dev/null
apt-get install -qy /tmp/sample.deb >/dev/null
stat -c %U /usr/share/tare-sample/file
apt-get remove -qy tare-sample >/dev/null
test ! -e /usr/share/tare-sample && echo removed
SCRIPT
) || fail "apt-get: $out"
assert_contains "$out" sample-user
assert_contains "$out" removed
