# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What every test script sources first:  . "$TEST_LIB"
# tests/box gave us: TARE_ROOT, TMPDIR, TEST_DIR (our working directory), TEST_CACHE, TEST_PROBES and
# TEST_AS (root, user or userns). Scripts run with set -euo pipefail; they never sleep for a fixed
# time to wait for something (eventually), and never use a network outside the machine.

fail() {
  echo "FAIL: $*" >&2
  exit 1
}

# skip REASON: ends this test, naming what is missing.
skip() {
  [ -n "${1-}" ] || fail "skip needs a reason"
  echo "SKIP: $1"
  exit 77
}

# not COMMAND...: succeeds when COMMAND fails by itself (a signal is not an answer).
not() {
  local status=0
  "$@" || status=$?
  [ $status != 0 ] || fail "should have failed: $*"
  [ $status -lt 129 ] || fail "ended by signal $((status - 128)): $*"
}

# exits STATUS COMMAND...: COMMAND has to exit with STATUS.
exits() {
  local want=$1 status=0
  shift
  "$@" || status=$?
  [ "$status" = "$want" ] || fail "exit status $status, want $want: $*"
}

assert_eq() { [ "$1" = "$2" ] || fail "${3-value} is '$1', want '$2'"; }
assert_contains() { [[ $1 == *"$2"* ]] || fail "'$2' is not in: $1"; }
assert_lacks() { [[ $1 != *"$2"* ]] || fail "'$2' should not be in: $1"; }
assert_matches() { [[ $1 =~ $2 ]] || fail "'$1' does not match $2"; }

# eventually SECONDS COMMAND...: tries until it succeeds.
eventually() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ $SECONDS -lt $end ] || fail "never came true: $*"
    sleep 0.05
  done
}

# A state of a container, for eventually.
status_is() { [ "$(tare inspect --format '{{.State.Status}}' "$1")" = "$2" ]; }
logs_contain() { [[ $(tare logs "$1" 2>&1) == *"$2"* ]]; }

# has_controller NAME: this user's control groups can limit that.
has_controller() {
  tare info --format '{{range .Features}}{{if eq .Name "cgroups"}}{{.Detail}}{{end}}{{end}}' |
    grep -Eq "limits of:.*\b$1\b"
}
# limit_of CONTAINER CONTROLLER V1_FILE V2_FILE: what the kernel holds the container to.
limit_of() {
  local pid path mount file=$3
  pid=$(tare inspect --format '{{.State.Pid}}' "$1")
  path=$(awk -F: -v name="$2" '{n = split($2, all, ","); for (i = 1; i <= n; i++) if (all[i] == name) print $3}' \
    "/proc/$pid/cgroup")
  mount=$(awk -v name="$2" '{n = split($NF, all, ","); for (i = 1; i <= n; i++) if (all[i] == name && / - cgroup /) print $5}' \
    /proc/self/mountinfo | head -1)
  if [ -z "$path" ] || [ -z "$mount" ]; then
    file=$4
    path=$(sed -n 's/^0:://p' "/proc/$pid/cgroup")
    mount=$(awk '/ - cgroup2 /{print $5}' /proc/self/mountinfo | head -1)
  fi
  cat "$mount$path/$file"
}

# busybox:latest, in this test's own store.
image_busybox() { tare load -q -i "$TEST_CACHE/busybox-docker.tar" >/dev/null; }

# A container of busybox that is removed at its exit.
busybox() { tare run --rm --network none busybox "$@"; }

# A writable copy of the busybox root file system as directory.
make_rootfs() { cp -a "$TEST_CACHE/rootfs" "$1"; }

# docker_archive OUT TAG LAYER_TAR...: an archive as docker save writes it, made with nothing but
# tar and sha256sum, so that tests can make broken ones too.
docker_archive() {
  local out=$1 tag=$2 dir n=0 layer layers='' ids=''
  shift 2
  dir=$(mktemp -d)
  for layer in "$@"; do
    cp "$layer" "$dir/$n.tar"
    layers+=",\"$n.tar\""
    ids+=",\"sha256:$(sha256sum <"$layer" | cut -d ' ' -f 1)\""
    n=$((n + 1))
  done
  printf '{"architecture":"amd64","os":"linux","config":{"Cmd":["sh"],"Env":["PATH=/bin"]},"rootfs":{"type":"layers","diff_ids":[%s]}}' \
    "${ids#,}" >"$dir/config.json"
  printf '[{"Config":"config.json","RepoTags":["%s"],"Layers":[%s]}]' "$tag" "${layers#,}" >"$dir/manifest.json"
  (cd "$dir" && tar -cf - -- *) >"$out"
  rm -rf "$dir"
}

# hostile NAME ENTRY...: an image of busybox and one layer with these entries, see make-layer. Loading
# it may fail, and then says so; both are fine as long as the host is not touched.
make_layer() { "$(dirname "$TEST_LIB")/tools/make-layer" "$@"; }
hostile() {
  local name=$1
  shift
  make_layer "$TMPDIR/hostile.tar" "$@"
  docker_archive "$TMPDIR/hostile-image.tar" "$name" "$TEST_CACHE/busybox.tar" "$TMPDIR/hostile.tar"
  tare load -i "$TMPDIR/hostile-image.tar"
}

# A program of tests/probes run in a container: probe NAME "FLAGS" ARGUMENTS...
probe() {
  local name=$1 flags=$2
  shift 2
  # shellcheck disable=SC2086  # Flags are words.
  tare run --rm --network none -v "$TEST_PROBES/probe-$name:/probe:ro" $flags busybox /probe "$@"
}

# Containers that the script leaves are removed here; what is then still there is a leak.
clean_up() {
  local status=$? ids
  if declare -F net_clean >/dev/null; then net_clean; fi
  if ids=$(tare ps -aq 2>/dev/null) && [ -n "$ids" ]; then
    # shellcheck disable=SC2086  # One word an id.
    tare rm -f $ids >/dev/null || true
  fi
  rm -rf "${TMPDIR:?}"/*
  exit $status
}
trap clean_up EXIT

sed -n 's/^# needs: //p' "$0" | tr ' ' '\n' >"$TMPDIR/needs"
while read -r program; do
  command -v "$program" >/dev/null || skip "no program $program"
done <"$TMPDIR/needs"
