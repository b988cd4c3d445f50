# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# COPY --link makes a layer that depends on nothing below it: with other files below it is not done again, it
# is the same layer, and its destination follows no link of theirs.
. "$TEST_LIB"
image_busybox
mkdir app
echo content >app/file
write() {
  cat >app/Dockerfile <<TEXT
FROM busybox
RUN echo $1 >/below && mkdir /real && ln -s /real /place
COPY --link --chown=7:8 file /place/deep/
COPY --link --chown=www-data file /named
TEXT
}
build() { tare build --network none --layer-per-step -t app app 2>log || fail "$(cat log)"; }
write one
build
see() { tare run --rm --network none app sh -c "$1"; }
assert_eq "$(see 'stat -c "%F %u:%g" /place /place/deep/file /named; ls /real; cat /place/deep/file')" \
  $'directory 7:8\nregular file 7:8\nregular file 33:33\ncontent'
assert_contains "$(cat log)" '0 of 3 steps were there'
layer=$(tare inspect --format '{{index .RootFS.Layers 2}}' app)

write two
build
assert_contains "$(cat log)" '2 of 3 steps were there'
assert_eq "$(tare inspect --format '{{index .RootFS.Layers 2}}' app)" "$layer"
assert_eq "$(see 'cat /below /place/deep/file')" $'two\ncontent'
# What it takes still counts.
echo other >app/file
build
assert_contains "$(cat log)" '1 of 3 steps were there'
assert_eq "$(see 'cat /place/deep/file')" other
