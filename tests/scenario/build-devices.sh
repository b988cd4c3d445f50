# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# needs: python3
# A layer with devices becomes one with others, and still has them.
. "$TEST_LIB"
image_busybox

python3 - <<'TEXT'
import tarfile
with tarfile.open("base.tar", "w") as tar:
    for name, kind, major, minor in (("dev0/null", tarfile.CHRTYPE, 1, 3), ("dev0/disk", tarfile.BLKTYPE, 259, 300)):
        entry = tarfile.TarInfo(name)
        entry.type, entry.devmajor, entry.devminor, entry.mode = kind, major, minor, 0o640
        tar.addfile(entry)
TEXT
tare import base.tar base >/dev/null
printf 'FROM base\nCOPY file /file\nCOPY file /other\n' >Dockerfile
echo x >file
tare build -q --no-lock --squash-all -t app . >/dev/null
assert_eq "$(tare inspect --format '{{len .RootFS.Layers}}' app)" 1
mkdir saved
tare save app | tar -C saved -xf -
layer=$(python3 -c 'import json; print(json.load(open("saved/manifest.json"))[0]["Layers"][0])')
listed=$(tar -tvf "saved/$layer" | tr -s ' ' | cut -d ' ' -f 1,3,6)
assert_contains "$listed" 'crw-r----- 1,3 dev0/null'
assert_contains "$listed" 'brw-r----- 259,300 dev0/disk'
assert_contains "$listed" 'file'
