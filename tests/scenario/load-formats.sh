# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# load takes docker-archive, OCI archive and layout, and a plain tar, compressed or not, from file or pipe.
# needs: skopeo umoci zstd xz gzip
. "$TEST_LIB"

# loaded NAME: runs it, then removes it, so that the next format starts from nothing.
loaded() {
  assert_eq "$(tare run --rm --network none "$1" busybox echo fine)" fine
  tare rmi "$1" >/dev/null
}

archive=$TEST_CACHE/busybox-docker.tar
assert_contains "$(tare load -i "$archive")" busybox:latest
loaded busybox
tare load <"$archive" >/dev/null
loaded busybox
gzip -c "$archive" | tare load >/dev/null
loaded busybox

export XDG_RUNTIME_DIR=$TMPDIR
skopeo copy -q --insecure-policy "docker-archive:$archive" oci:layout:busybox:oci
tare load -i layout >/dev/null
loaded busybox:oci
tar -C layout -cf layout.tar .
tare load -i layout.tar >/dev/null
loaded busybox:oci
skopeo copy -q --insecure-policy "docker-archive:$archive" oci-archive:oci.tar:busybox:two
tare load <oci.tar >/dev/null
loaded busybox:two

umoci init --layout made
umoci new --image made:hand
cp -r "$TEST_CACHE/rootfs/bin" bin
umoci insert --rootless --image made:hand bin /bin
# Its only name is a tag without a repository: an image without a name.
id=$(tare load -i made | sed -n 's/^Loaded image ID: //p')
assert_eq "$(tare run --rm --network none "$id" /bin/busybox echo fine)" fine

# load tells the names that are in the archive, and none that the image had before.
tare load -q <oci.tar >/dev/null
tare tag busybox:two other:name
assert_eq "$(tare load <oci.tar)" 'Loaded image: busybox:two'
tare rmi busybox:two other:name >/dev/null

for pack in cat gzip 'zstd -q' 'xz -0'; do
  $pack <"$TEST_CACHE/busybox.tar" >plain
  tare import plain "plain:${pack%% *}" >/dev/null
  loaded "plain:${pack%% *}"
  tare import - plain:pipe <plain >/dev/null
  loaded plain:pipe
done
