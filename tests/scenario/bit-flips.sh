# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2119,SC2034
# as: root user
# needs: skopeo docker-registry
# A bit flipped, an end cut off, or another's content, in any file of an image: no container sees it,
# fsck names it, and fsck --repair has it right again, from the registry if it has to.
. "$TEST_LIB"
# shellcheck source=tests/registry.sh
. "$(dirname "$TEST_LIB")/registry.sh"
# shellcheck source=tests/store.sh
. "$(dirname "$TEST_LIB")/store.sh"
start_registry
mkdir -p etc && seq 20000 >etc/numbers && echo right >etc/small
want=$(sha256sum <etc/numbers)
small_image a etc
skopeo copy -q --dest-tls-verify=false docker-archive:a.tar "docker://$REGISTRY/a:1"
# Shares its large file with the other, in a layer of its own.
cp etc/numbers etc/again && echo other >etc/small
small_image b etc
skopeo copy -q --dest-tls-verify=false docker-archive:b.tar "docker://$REGISTRY/b:1"
a=$REGISTRY/a:1 b=$REGISTRY/b:1
tare pull -q "$a" >/dev/null
tare pull -q "$b" >/dev/null
backend=$(tare info --format '{{.Driver}}')
look() { tare run --rm --network none "$1" sh -c 'sha256sum </etc/numbers; cat /etc/small'; }
look "$a" >right.a
look "$b" >right.b
assert_contains "$(cat right.a)" "$want"
tare images >/dev/null

spoil() { # HOW FILE
  chmod u+w "$2"
  local size
  size=$(stat -c %s "$2")
  case $1 in
    flip*)
      local at=$((size * ${1#flip} / 100))
      local byte
      byte=$(od -An -tu1 -j $at -N 1 "$2")
      # shellcheck disable=SC2059
      printf "\\$(printf %o $((byte ^ 1)))" | dd of="$2" bs=1 seek=$at conv=notrunc status=none
      ;;
    cut) truncate -s $((size / 2)) "$2" ;;
    empty) truncate -s 0 "$2" ;;
    gone) rm "$2" ;;
    other) cp -f "$3" "$2" ;;
  esac
}
tried=0
# once HOW FILE [OTHER]
once() {
  local what="$1 of ${2#"$TARE_ROOT"/}" status=0 said
  cp -pf "$2" "$TMPDIR/before"
  spoil "$@"
  if cmp -s "$2" "$TMPDIR/before"; then return 0; fi
  tried=$((tried + 1))
  # A container has the right files or does not start.
  if [ "$backend" = erofs ] || [ "$backend" = erofs-loop ]; then
    for name in a b; do
      said=$(look "${!name}" 2>/dev/null) || continue
      [ "$said" = "$(cat right.$name)" ] || fail "$what: the container of $name sees: $said"
    done
  fi
  tare images >/dev/null 2>&1 || fail "$what: images does not work"
  tare fsck >said 2>&1 || status=$?
  if [ $status = 0 ]; then
    # Then it made no difference.
    for name in a b; do
      [ "$(look "${!name}" 2>&1)" = "$(cat right.$name)" ] || fail "$what: not found by fsck, and $name is wrong"
    done
    echo "$what: made no difference"
    return 0
  fi
  [ $status = 1 ] || fail "$what: fsck: status $status: $(cat said)"
  said=$(tare fsck --repair 2>&1) || fail "$what: not repaired: $said"
  for name in a b; do
    [ "$(look "${!name}" 2>&1)" = "$(cat right.$name)" ] || fail "$what: repaired, and $name is wrong: $(look "${!name}" 2>&1)"
  done
  tidy "$what"
  is_clean "$what"
}
kinds=(blobs/sha256 layers images names rootfs objects)
for kind in "${kinds[@]}"; do
  mapfile -t files < <(find "$TARE_ROOT/$kind" -type f ! -name .lock ! -path '*/tree/*' ! -name backend ! -name idmap | sort)
  for file in "${files[@]}"; do
    for how in flip1 flip50 flip99 cut empty gone; do
      [ -n "${TEST_EVERY_STEP-}" ] || [ $((RANDOM % 3)) = 0 ] || continue
      [ -e "$file" ] || continue # Repaired under another name.
      # A name that is not there is no name: nothing tells that there was one.
      case $kind:$how in names:gone | images:gone | rootfs:gone) continue ;; esac
      once $how "$file"
    done
  done
done
# Two that have changed places.
mapfile -t files < <(find "$TARE_ROOT/layers" -name '*.pack' -size +8k | sort)
[ ${#files[@]} -lt 2 ] || once other "${files[0]}" "${files[1]}"
mapfile -t files < <(find "$TARE_ROOT/blobs" -type f -size +8k | sort)
[ ${#files[@]} -lt 2 ] || once other "${files[0]}" "${files[1]}"
[ $tried -ge 15 ] || fail "only $tried were tried"

# A tree has no seals: a container sees what was changed there, and fsck finds it.
if [ "$TEST_AS" = root ]; then
  export TARE_ROOTFS=flat
  look "$a" >/dev/null
  small=$(find "$TARE_ROOT/rootfs/flat" -path '*/tree/etc/small' | head -1)
  spoil flip1 "$small"
  exits 1 tare fsck >said
  assert_contains "$(cat said)" "root file system"
  assert_contains "$(cat said)" "'small'"
  tare fsck --repair >/dev/null
  assert_eq "$(look "$a")" "$(cat right.a)"
  unset TARE_ROOTFS
  is_clean 'the backend flat'
fi

# Without the registry: what is wrong is said, with what to do, and a load mends it.
kill -KILL "$REGISTRY_PID"
tare pull -q "$a" >/dev/null 2>&1 && fail 'the registry is still there'
pack=$(find "$TARE_ROOT/layers" "$TARE_ROOT/objects" -type f -size +100k ! -name '*.tar' | head -1)
blob=$(find "$TARE_ROOT/blobs/sha256" -type f -size +20k | head -1)
spoil flip50 "$blob"
spoil flip50 "$pack"
exits 1 tare fsck --repair >said 2>&1
assert_contains "$(cat said)" 'layer'
assert_contains "$(cat said)" "$REGISTRY"
assert_eq "$(find "$TARE_ROOT/tmp" -mindepth 1)" ''
