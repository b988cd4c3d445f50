# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# Hundreds of starts leave nothing: no mount, control group, process, file, id claim, and no descriptor in a keeper that lives on. TARE_TEST_MANY says how many.
# as: root user
. "$TEST_LIB"
image_busybox

many=${TARE_TEST_MANY:-200}
claims=/var/lib/tare/ids
[ "$TEST_AS" = root ] || claims=$HOME/.local/share/tare/ids
tare run -d --name stays --network none busybox sleep 1000 >/dev/null
keeper=$(awk '/^PPid/{print $2}' "/proc/$(tare inspect --format '{{.State.Pid}}' stays)/status")

# Of this test alone: others may run beside it.
count() {
  { find "$TARE_ROOT" -xdev ! -path '*/log/*' ! -path '*/locks/*' ! -path '*/rootfs/*' 2>/dev/null || true; } | sort
  grep -c "$TARE_ROOT" /proc/self/mountinfo || true
  { grep -rls "^$TARE_ROOT/" "$claims" || true; } | wc -l
  for id in "$TARE_ROOT"/containers/*; do find /sys/fs/cgroup -type d -path "*/$(basename "$id")*" 2>/dev/null || true; done | wc -l
  { find "/proc/$keeper/fd" -type l 2>/dev/null || true; } | wc -l
  tare ps -q | wc -l
}
tare run --rm --network none busybox true
eventually 10 bash -c '[ -z "$(ls "$TARE_ROOT/trash")" ]'
count >before
for ((i = 0; i < many; i += 4)); do
  tare run --rm --network none busybox true &
  tare run --rm --network none -t busybox true >/dev/null &
  (tare run -d --rm --name "d$i" --network none busybox sleep 1000 >/dev/null && tare exec "d$i" true && tare rm -f "d$i" >/dev/null) &
  (tare run --rm --network none busybox no-such-program 2>/dev/null || true) &
  wait
done
eventually 20 bash -c '[ "$(tare ps -aq | wc -l)" = 1 ] && [ -z "$(ls "$TARE_ROOT/trash")" ]'
count >after
diff before after >&2 || fail 'files, mounts, id claims, groups, descriptors of the keeper or containers are left'
status_is stays running
