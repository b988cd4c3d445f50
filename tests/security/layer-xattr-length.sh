# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# An attribute whose length does not fit where the length is written: its value would be read as further
# attributes, of any name, so also as those by which overlayfs leads a file to another one.
# needs: python3
. "$TEST_LIB"

# A value of 65536 bytes that is, for EROFS, "trusted.overlay.redirect".
python3 - <<'PY' >evil.tar
import os, sys, tarfile, io
entry = b"overlay.redirect", b"/etc"
raw = bytes([len(entry[0]), 4]) + len(entry[1]).to_bytes(2, "little") + entry[0] + entry[1]
value = raw.ljust(65536, b"A")
info = tarfile.TarInfo("evil")
info.pax_headers = {"SCHILY.xattr.user.x": value.decode("latin-1")}
out = tarfile.open(fileobj=sys.stdout.buffer, mode="w|", format=tarfile.PAX_FORMAT)
out.addfile(info, io.BytesIO())
out.close()
PY
docker_archive image.tar evil:latest "$TEST_CACHE/busybox.tar" evil.tar
error=$(not tare load -i image.tar 2>&1)
assert_contains "$error" 'has 65536 bytes, the limit is 65535'
assert_eq "$(tare images -q)" ''
