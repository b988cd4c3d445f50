# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2119
# as: root user
# needs: jq python3
# Databases of rpm, programs and archives of Java that lie about sizes and places, lead in circles or are bombs: the
# build of an image with them ends soon, and its lists say what is not in them.
. "$TEST_LIB"

image_busybox
mkdir app
python3 - <<'PYTHON'
import struct, zipfile
def elf(sections, size):
    head = b'\x7fELF\x02\x01\x01' + bytes(9) + struct.pack('<HHIQQQIHHHHHH', 2, 62, 1, 0, 64, 64, 0, 64, 56, 65535, 64, sections, 1)
    return head + struct.pack('<IIQQQQIIQQ', 1, 1, 0, 0, 64, size, 0, 0, 0, 0) * 3000
open('app/elf-many', 'wb').write(elf(65535, 2**64 - 1))
open('app/elf-large', 'wb').write(elf(3000, 2**63))
page = bytearray(4096)  # A tree of SQLite whose pages are all their own children.
page[0:28] = b'SQLite format 3\0' + struct.pack('>HBBBBBB', 4096, 1, 1, 0, 64, 32, 32) + struct.pack('>I', 1)
page[100:112] = struct.pack('>BHHHBI', 5, 0, 1000, 200, 0, 1)
open('app/rpmdb.sqlite', 'wb').write(page)
open('app/Packages.db', 'wb').write(b'RpmP' + struct.pack('<IIII', 0, 1, 0xffffffff, 1) + bytes(5000))
hash = bytearray(8192)
hash[12:26] = struct.pack('<IIIBB', 0x61561, 9, 4096, 0, 8)
hash[4096 + 20:4096 + 26] = struct.pack('<HHBB', 65535, 0, 0, 13)
open('app/Packages', 'wb').write(hash)
with zipfile.ZipFile('app/bomb.jar', 'w', zipfile.ZIP_DEFLATED) as bomb:
    for i in range(2):
        bomb.writestr(f'lib/{i}.jar', bytes(60 << 20))
PYTHON
cat >app/Dockerfile <<'TEXT'
FROM busybox
COPY rpmdb.sqlite Packages.db Packages /var/lib/rpm/
COPY --chmod=755 elf-* /bin/
COPY bomb.jar /srv/0.jar
RUN for i in $(seq 12); do cp /srv/0.jar /srv/$i.jar; cp /bin/elf-large /bin/large-$i; done
TEXT
timeout 120 tare build -q --network none -t app app >/dev/null
tare copy -q --all store:app oci:good:app:latest >/dev/null
statements=$(for file in good/blobs/sha256/*; do jq -c 'select(._type?)' "$file" 2>/dev/null || true; done)
for name in rpmdb.sqlite Packages.db Packages; do assert_contains "$statements" "/var/lib/rpm/$name is damaged"; done
assert_contains "$statements" 'archives of Java were not read to the end'
timeout 60 tare why app /bin/elf-many >out
