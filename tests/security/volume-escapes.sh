# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# Images and containers that want their volumes to be somewhere else: links, devices, pipes and odd names at
# the place of a VOLUME, subpaths that lead out, and more volumes than anybody needs.
. "$TEST_LIB"
image_busybox
mkdir -m 777 outside
echo secret >outside/secret
seen() { # Nothing of the host was made, read or changed.
  assert_eq "$(ls -A outside)" secret
  assert_eq "$(cat outside/secret)" secret
}
# image NAME VOLUMES ENTRY...: busybox with these entries, and these volumes (JSON).
image() {
  local name=$1 volumes=$2
  shift 2
  make_layer layer.tar "$@"
  docker_archive plain.tar "$name" "$TEST_CACHE/busybox.tar" layer.tar
  rm -rf image && mkdir image && tar -xf plain.tar -C image
  sed -i "s|\"Cmd\"|\"Volumes\":$volumes,\"Cmd\"|" image/config.json
  tar -C image -cf image.tar .
  tare load -q -i image.tar >/dev/null
}
up=../../../../../../../../../../..
mounted() { tare run --rm --network none "$@" awk '/_data/ {print $5}' /proc/self/mountinfo; }

# The place of the volume is a link that leads out: it leads to the same path of the image.
image link:1 '{"/v":{}}' "sym:v=$up$PWD/outside"
tare run --rm --network none link:1 touch /v/made >/dev/null 2>&1 || true
seen
image absolute:1 '{"/v":{}}' "sym:v=$PWD/outside"
tare run --rm --network none absolute:1 touch /v/made >/dev/null 2>&1 || true
seen
# In the directory that is copied: links are copied as links, and nothing goes through them.
image inside:1 '{"/v":{}}' dir:v "sym:v/l=$PWD/outside/secret" "sym:v/d=$up$PWD/outside" 'file:v/f=x'
assert_eq "$(tare run --rm --network none inside:1 sh -c 'cat /v/f; cat /v/l 2>/dev/null; ls /v/d/ 2>/dev/null; true')" x
seen
# Not a directory.
for entry in fifo:v chr:v=1,3 blk:v=8,0 file:v=x sym:v=v; do
  image odd:1 '{"/v":{}}' "$entry"
  not timeout 20 tare run --rm --network none odd:1 true >/dev/null 2>err
  grep -Eq 'no directory there|not a directory' err || fail "$entry: $(cat err)"
done
assert_eq "$(tare volume ls -q)" '' 'volumes of those that were refused'
# Devices in it are left out, and a setuid program there does not work.
image devices:1 '{"/v":{}}' dir:v chr:v/null=1,3 blk:v/disk=8,0 fifo:v/pipe setuid:v/su=/bin/true
assert_eq "$(tare run --rm --network none devices:1 sh -c 'ls /v; mount | grep -c " /v .*nosuid.*nodev"' | tr '\n' ' ')" 'pipe su 1 '
# Where no volume may be.
for place in / /proc /proc/sys /sys /dev relative /a/../..; do
  image place:1 "{\"$place\":{}}" file:x=x
  case $place in
    /sys | /dev) tare run --rm --network none place:1 true >/dev/null 2>&1 || true ;;
    *) not tare run --rm --network none place:1 true >/dev/null 2>err ;;
  esac
done
assert_eq "$(tare volume ls -q)" '' 'volumes of those that were refused'
# Odd bytes in the path come to the terminal escaped, and to the right place.
image bytes:1 '{"/a\\u001b[31m\\nb":{},"/sp ace:x,y":{}}' file:x=x
assert_eq "$(mounted bytes:1 2>&1 | wc -l)" 2
tare create --name odd --network none bytes:1 true >/dev/null
assert_lacks "$(tare inspect odd; tare ps -a)" $'\e'
tare rm -v odd >/dev/null
# So many that making them hurts.
many='{"/n0":{}'
for n in $(seq 1 300); do many+=",\"/n$n\":{}"; done
image many:1 "$many}" file:x=x
not tare run --rm --network none many:1 true 2>err
assert_contains "$(cat err)" 'more than 128'
assert_eq "$(tare volume ls -q)" ''

# Subpaths. What a container writes into its volume cannot lead the next mount out of it.
tare run --rm --network none -v data:/d busybox sh -c "mkdir /d/real; ln -s . /d/loop; ln -s / /d/root; ln -s $up$PWD/outside /d/out; ln -s real /d/near; ln -s /proc/self/fd /d/magic; mkfifo /d/pipe"
for subpath in .. ../.. ../volume.json real/../.. "/real" root root/etc out out/secret near loop/real magic/3 pipe gone; do
  not timeout 20 tare run --rm --network none --mount "type=volume,src=data,dst=/m,volume-subpath=$subpath" busybox true 2>err
  [ -s err ] || fail "no reason for subpath $subpath"
done
tare run --rm --network none --mount type=volume,src=data,dst=/m,volume-subpath=real busybox touch /m/x
seen
# Swapped while it is mounted.
tare run -d --name swapper --network none -v data:/d busybox sh -c \
  'while :; do mv /d/real /d/kept; ln -s /d/out /d/real; rm /d/real; mv /d/kept /d/real; done' >/dev/null
for _ in $(seq 15); do
  tare run --rm --network none --mount type=volume,src=data,dst=/m,volume-subpath=real busybox \
    sh -c 'ls /m | grep -q secret && echo out' 2>/dev/null || true
done >leaked
tare rm -f swapper >/dev/null
assert_eq "$(cat leaked)" ''
seen
# Names that are paths.
for name in ../images /etc/x .. . 'a/../../b' $'a\nb' '-x' 'a b' "$(printf 'a%.0s' $(seq 300))"; do
  not tare volume create -- "$name" >/dev/null 2>&1
  not tare run --rm --network none --mount "type=volume,src=$name,dst=/m" busybox true >/dev/null 2>&1
  not tare volume rm -- "$name" >/dev/null 2>&1
done
# Nobody but the store's owner gets to the files.
assert_eq "$(stat -c %a "$TARE_ROOT/volumes" "$TARE_ROOT/volumes/data" | tr '\n' ' ')" '700 700 '
tare volume rm data >/dev/null
assert_eq "$(tare volume ls -q)" ''
