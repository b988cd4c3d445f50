# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# Python with a library of Debian's in a virtual environment; its tests are a stage; data in a volume.
# as: root user
# network: host
# needs: curl
. "$TEST_LIB"
. "$(dirname "$TEST_LIB")/corpus.sh"
corpus_mirror
image_busybox
corpus_build python-web
assert_contains "$(cat log)" 'test_names_are_escaped'
tare run -d --name c --network none -v visits:/app/data python-web >/dev/null
eventually 30 is_healthy c
assert_eq "$(user_of c)" 1500
assert_eq "$(ask c 8000 '/?name=%3Ci%3E')" '<p>Hello &lt;i&gt;, visit 1</p>'
tare rm -f c >/dev/null
tare run -d --name c --network none -v visits:/app/data python-web >/dev/null
eventually 30 is_healthy c
assert_eq "$(ask c 8000 /)" '<p>Hello world, visit 2</p>'
assert_eq "$(tare exec c sh -c 'command -v python; ls')" $'/opt/venv/bin/python\napp\ndata\ntemplates'
# A test that fails is an image that is not made.
sed -i 's/visit 3/visit 4/' python-web/tests/test_pages.py
not tare build --progress plain --network recorded python-web 2>log
assert_contains "$(cat log)" 'FAILED (failures=1)'
eventually 250 corpus_emptied
