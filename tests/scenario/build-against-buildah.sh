# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# buildah makes the same images of the same Dockerfiles: the same configs, the same files. What differs is
# named in tests/dockerfile/against, with the reason.
# as: root
# needs: buildah jq xz
. "$TEST_LIB"
. "$(dirname "$TEST_LIB")/corpus.sh"
tests=$(dirname "$TEST_LIB")
image_busybox
# A storage of its own, whose mounts go with the script's.
net_clean() { umount -l "$TMPDIR/buildah/storage/overlay" 2>/dev/null || true; }
mkdir "$TMPDIR/buildah"
printf '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n' >containers.conf
export CONTAINERS_CONF=$PWD/containers.conf XDG_RUNTIME_DIR=$TMPDIR/buildah BUILDAH_ISOLATION=chroot
peer() { timeout 120 buildah --root "$TMPDIR/buildah/storage" --runroot "$TMPDIR/buildah/run" --storage-driver overlay "$@"; }
peer pull -q "docker-archive:$TEST_CACHE/busybox-docker.tar" >/dev/null 2>log || skip "buildah does not work here: $(tail -n 1 log)"
peer tag localhost/busybox:latest docker.io/library/busybox:latest 2>/dev/null || true

mkdir -p context/tree/sub1/deep context/tree/sub2 context/tree/.hidden
cd context/tree || exit
echo plain >plain
printf '#!/bin/sh\necho script\n' >script
echo a >a.txt
echo b >b.txt
echo c >'name with spaces'
echo hidden >.hidden/file
echo deep >sub1/deep/file
echo object >sub2/x.o
echo object >sub2/keep.o
ln -s plain link-to-file
ln -s sub1 link-to-dir
ln -s missing dangling
chmod 755 script
chmod 640 a.txt
chmod 700 sub2
cd .. || exit
tar -cf tree.tar --owner=21 --group=22 --sort=name -C tree .
gzip -kn tree.tar
xz -k tree.tar
echo single | gzip -n >single.gz
cd .. || exit
echo -n word >secret

# against NAME DOCKERFILE CONTEXT [OPTION...]: both build it, and what they made is compared.
failed=0
against() {
  local name=$1 file=$2 context=$3
  shift 3
  tare build -q --no-lock --network none -t "$name" -f "$file" "$@" "$context" >/dev/null 2>log || fail "tare, $name: $(cat log)"
  tare save "$name" -o one.tar
  peer build -q --format docker --identity-label=false --pull-never --ignorefile "${IGNORE-/dev/null}" -t "$name" -f "$file" "$@" \
    "$context" >/dev/null 2>log || fail "buildah, $name: $(tail -n 5 log)"
  rm -f two.tar
  peer push -q "$name" "docker-archive:two.tar:$name:latest" 2>log || fail "buildah push: $(cat log)"
  "$tests/tools/compare-images" one.tar two.tar "$file" >differences || { sed "s,^,$name: ," differences; failed=1; }
}
for file in "$tests"/dockerfile/against/*.Dockerfile; do
  options=(--build-arg GIVEN=given --secret "id=word,src=secret")
  IGNORE=/dev/null
  [ ! -e "$file.dockerignore" ] || IGNORE=$file.dockerignore
  against "$(basename "$file" .Dockerfile)" "$file" context "${options[@]}"
done
IGNORE=$CORPUS/onbuild/app/.dockerignore
against corpus/base "$CORPUS/onbuild/base/Dockerfile" "$CORPUS/onbuild/base"
peer tag localhost/corpus/base docker.io/corpus/base
against page "$CORPUS/onbuild/app/Dockerfile" "$CORPUS/onbuild/app" --build-arg GREETING=hi
IGNORE=/dev/null
against app "$CORPUS/stages/Dockerfile" "$CORPUS/stages" --build-arg VERSION=3
assert_eq "$failed" 0 'differences'
