# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# prune in Docker's forms: what nothing uses goes, what something uses stays.
. "$TEST_LIB"
export TARE_UNDO_TIME=1h
image_busybox
tar -C "$TEST_CACHE/rootfs" -cf - ./bin/busybox | tare import -q -c 'LABEL keep=yes' - unused >/dev/null
tar -C "$TEST_CACHE/rootfs" -cf - ./bin | tare import -q - >/dev/null  # Without a name.
tare run --name stopped --network none --label keep=yes busybox true
tare run -d --name running --network none busybox sleep 1000 >/dev/null

# Nobody says yes.
exits 1 tare image prune </dev/null >out 2>err
assert_contains "$(cat out)" 'WARNING! This will remove all dangling images.'
assert_contains "$(cat out)" 'Are you sure you want to continue? [y/N]'
assert_eq "$(tare images -q | wc -l)" 3
assert_contains "$(tare image prune --dry-run)" 'deleted: sha256:'
assert_eq "$(tare images -q | wc -l)" 3 'images after a dry run'
said=$(echo y | tare image prune 2>/dev/null)
assert_contains "$said" 'Deleted Images:'
assert_matches "$said" 'Total reclaimed space: [1-9]'
assert_eq "$(tare images --format '{{.Repository}}' | sort | tr '\n' ' ')" 'busybox unused '
tare image prune -a -f --filter 'label!=keep' >/dev/null 2>&1
tare image prune -a -f --filter 'until=10m' >/dev/null 2>&1
tare image prune -a -f --filter 'label=keep=no' >/dev/null 2>&1
assert_eq "$(tare images -q | wc -l)" 2 'images after filters'
said=$(tare image prune -a -f 2>err)
assert_contains "$said" 'untagged: unused:latest'
assert_contains "$(cat err)" 'tare undo'
assert_eq "$(tare images --format '{{.Repository}}')" busybox
assert_contains "$(tare undo)" 'Restored image: unused:latest'
not tare image prune -f --filter 'colour=red' 2>/dev/null

tare container prune -f --filter 'label=keep=no' >/dev/null 2>&1
tare inspect stopped >/dev/null
said=$(tare container prune -f 2>/dev/null)
assert_contains "$said" 'Deleted Containers:'
status_is running running
not tare inspect stopped >/dev/null 2>&1
tare undo >/dev/null
said=$(tare system prune -a -f --volumes --no-undo 2>err)
assert_contains "$said" 'Deleted Containers:'
assert_contains "$said" 'untagged: unused:latest'
assert_lacks "$(cat err)" undo
assert_eq "$(tare ps -a --format '{{.Names}}')" running
assert_eq "$(tare images --format '{{.Repository}}')" busybox
tare rm -f running >/dev/null
tare undo --empty >/dev/null
