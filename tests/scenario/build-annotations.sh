# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2119
# as: root user
# needs: jq
# build --annotation writes into the manifest of the image, with or without a prefix that says so; what has no place
# in an image of one platform is refused by name.
. "$TEST_LIB"

image_busybox
mkdir app
printf 'FROM busybox\nLABEL level=1\n' >app/Dockerfile
manifest() { # NAME: the annotations of its manifest.
  rm -rf layout
  tare copy -q --all "store:$1" oci:layout:1 >/dev/null
  local index
  index=$(cat "layout/blobs/sha256/$(jq -r '.manifests[0].digest | ltrimstr("sha256:")' layout/index.json)")
  jq -cS '.annotations // {}' "layout/blobs/sha256/$(jq -r '.manifests[0].digest | ltrimstr("sha256:")' <<<"$index")"
}
build() { tare build -q --network none -t app "$@" app; }
build >/dev/null
without=$(tare inspect --format '{{.Id}}' app)
assert_eq "$(manifest app)" '{}'
build --annotation org.example.plain=1 --annotation 'manifest:org.example.here=a=b:c' \
  --annotation 'manifest[linux/amd64]:org.example.platform=' >/dev/null
assert_eq "$(manifest app)" '{"org.example.here":"a=b:c","org.example.plain":"1","org.example.platform":""}'
# The configuration, and with it the id, is the same; so are the labels.
assert_eq "$(tare inspect --format '{{.Id}}' app)" "$without"
assert_eq "$(tare inspect --format '{{.Config.Labels.level}}' app)" 1
# The same again, and not what was asked for before.
build --annotation org.example.plain=2 >/dev/null
assert_eq "$(manifest app)" '{"org.example.plain":"2"}'
# In the index that the image goes out with, beside what is attested; also when nothing else is new.
index() {
  rm -rf layout
  tare copy -q --all store:app oci:layout:1 >/dev/null
  cat "layout/blobs/sha256/$(jq -r '.manifests[0].digest | ltrimstr("sha256:")' layout/index.json)"
}
build --annotation 'index,manifest:a=1' --annotation 'manifest-descriptor:b=2' --annotation index:c=3=4 >/dev/null
assert_eq "$(manifest app)" '{"a":"1"}'
assert_eq "$(index | jq -cS .annotations)" '{"a":"1","c":"3=4"}'
assert_eq "$(index | jq -cS '.manifests[0].annotations')" '{"b":"2"}'
build --annotation index:c=5 >/dev/null
assert_eq "$(index | jq -cS .annotations)" '{"c":"5"}'
build >/dev/null
assert_eq "$(index | jq -c .annotations)" null
not tare build -q --network none --provenance=false --sbom=false --annotation index:a=1 app >/dev/null 2>errors
assert_contains "$(cat errors)" 'no index'
for bad in 'index-descriptor:a=1' 'other:a=1' 'a' '=1' 'manifest:=1'; do
  not tare build -q --network none --annotation "$bad" app >/dev/null 2>errors
  assert_contains "$(cat errors)" annotation
done
