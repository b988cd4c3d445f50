# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# A team's base image with ONBUILD, and an application that is two lines.
. "$TEST_LIB"
. "$(dirname "$TEST_LIB")/corpus.sh"
image_busybox
cp -r "$CORPUS/onbuild" .
tare build -q --network none -t corpus/base onbuild/base >/dev/null
tare build -q --network none --build-arg GREETING=welcome -t page onbuild/app >/dev/null
tare run -d --name c --network none page >/dev/null
eventually 10 answers c 8080 /
assert_eq "$(cat answer)" '<p>welcome</p>'
assert_eq "$(tare exec c sh -c 'id -u; ls -A; stat -c %U:%G index.html')" $'300\nindex.html\napp:app'
assert_eq "$(tare inspect --format '{{json .Config.OnBuild}} {{.Config.Labels.team}} {{.Config.User}}' page)" 'null pages app'
rm onbuild/app/index.html
not tare build -q --network none onbuild/app 2>log
assert_contains "$(cat log)" ONBUILD
