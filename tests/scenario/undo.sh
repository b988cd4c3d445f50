# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# What rmi and rm removed comes back by undo, as it was; for good when it is asked for.
. "$TEST_LIB"
export TARE_UNDO_TIME=1h
image_busybox
tare tag busybox web:1

# An image, with all its names, and without having been unpacked again.
before=$(tare inspect --format '{{.Id}} {{.RepoTags}}' busybox)
roots=$(ls "$TARE_ROOT/rootfs/flat")
said=$(tare rmi -f "$(tare images -q busybox)")
assert_contains "$said" 'Untagged: busybox:latest'
assert_contains "$said" 'Deleted: sha256:'
not tare run --rm --network none busybox true 2>/dev/null
assert_eq "$(tare images -q)" ''
assert_contains "$(tare undo --list)" 'busybox:latest,web:1'
said=$(tare undo)
assert_contains "$said" 'Restored image: busybox:latest, web:1'
assert_eq "$(tare inspect --format '{{.Id}} {{.RepoTags}}' busybox)" "$before"
assert_eq "$(ls "$TARE_ROOT/rootfs/flat")" "$roots" 'unpacked trees'
busybox true
not tare undo 2>err
assert_contains "$(cat err)" 'there is nothing to bring back'
# A name that went to another image meanwhile stays there.
tare rmi web:1 >/dev/null
tare rmi busybox >/dev/null
tar -C "$TEST_CACHE/rootfs" -cf - ./bin | tare import -q - busybox >/dev/null
tare undo busybox >out 2>err
assert_contains "$(cat err)" "is another image's now"
tare rmi --no-undo busybox >/dev/null
tare tag "${before%% *}" busybox
[ -z "$(tare undo --list --format '{{.ID}}')" ] || fail 'rmi --no-undo keeps something'

# A container: files, log, name and ids.
tare run --name one --network none busybox sh -c 'echo hello; echo kept >/file; chown 7:8 /file'
ids=$(tare inspect --format '{{json .Tare.IdMap}}' one)
id=$(tare inspect --format '{{.Id}}' one)
assert_eq "$(tare rm one)" one
not tare inspect one >/dev/null 2>&1
tare run --name two --network none busybox true
[ "$(tare inspect --format '{{json .Tare.IdMap}}' two)" != "$ids" ] || fail 'ids of a removed container were given away'
tare rename two one
not tare undo 2>err
assert_contains "$(cat err)" 'is in use'
assert_contains "$(cat err)" "tare undo --name NEW"
assert_contains "$(tare undo --name back)" 'Restored container: back'
assert_eq "$(tare inspect --format '{{.Id}} {{json .Tare.IdMap}}' back)" "$id $ids"
assert_eq "$(tare logs back)" hello
tare start back
eventually 10 status_is back exited
tare rm one back >/dev/null
# What one command removed comes back together; the image of a container with it.
tare rmi busybox >/dev/null
tare undo back >out
assert_contains "$(cat out)" 'Restored image: busybox:latest'
assert_contains "$(cat out)" 'Restored container: back'
tare rm back >/dev/null
tare run --name a --network none busybox true
tare run --name b --network none busybox true
tare rm a b >/dev/null
assert_eq "$(tare undo | sort | tr '\n' ' ')" 'Restored container: a Restored container: b '
# --rm leaves nothing, nor does --no-undo.
tare undo --empty >/dev/null
busybox true
tare rm --no-undo a >/dev/null
assert_eq "$(tare undo --list --format '{{.Names}}')" ''
tare rm b >/dev/null
assert_eq "$(tare undo --list --format '{{.Names}}')" b
tare rmi busybox >/dev/null
assert_contains "$(tare undo --empty)" 'Total reclaimed space: '
assert_eq "$(tare undo --list --format '{{.Names}}')" ''
parts=("$TARE_ROOT"/{blobs/sha256,layers,objects,rootfs/erofs,rootfs/flat,rootfs/redirect,trash})
gone() { [ -z "$(find "${parts[@]}" -type f)" ]; }
eventually 10 gone
claims=/var/lib/tare/ids
[ "$TEST_AS" = root ] || claims=$HOME/.local/share/tare/ids
assert_eq "$(grep -rls "^$TARE_ROOT/" "$claims" || true)" '' 'id claims'
