# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What test scripts of tare-oci source after "$TEST_LIB": bundles, and a state directory of their own.
# The ids of containers end in our process's number: their control groups are named after them.

# tare-oci does not make itself a user namespace: an ordinary user's engine (podman) calls it in one
# of its own, and so do we, once for the whole script. Without it the kernel lets nobody mount.
if [ "$TEST_AS" = user ] && [ -z "${OCI_INSIDE-}" ]; then
  rm -rf "${TMPDIR:?}"/*
  OCI_INSIDE=1 exec unshare --user --mount --map-root-user --map-auto bash -euo pipefail "$0"
fi

STATE=$TEST_DIR/state
# shellcheck disable=SC2034  # For the scripts.
TOOLS=$(dirname "$TEST_LIB")/tools
oci() { tare-oci --root "$STATE" "$@"; }

# bundle DIRECTORY [JQ FILTER]: a root file system of busybox and the configuration of "tare-oci
# spec", without a terminal, with a program that waits, and changed by the filter.
bundle() {
  mkdir -p "$1"
  [ -e "$1/rootfs" ] || cp -a --no-preserve=ownership "$TEST_CACHE/rootfs" "$1/rootfs"
  rm -f "$1/config.json"
  tare-oci spec -b "$1"
  configure "$1" '.process.terminal = false | .root.readonly = false | .process.args = ["sleep", "1000"]'
  configure "$1" "${2-.}"
}

# configure DIRECTORY FILTER: changes a bundle's configuration.
configure() {
  jq "$2" "$1/config.json" >"$1/config.new"
  mv "$1/config.new" "$1/config.json"
}

# runs BUNDLE TEXT: what the container runs is this shell script.
runs() {
  jq --arg text "$2" '.process.args = ["sh", "-c", $text]' "$1/config.json" >"$1/config.new"
  mv "$1/config.new" "$1/config.json"
}

# in_container [JQ FILTER] TEXT: runs the shell script in a container of its own, to its end.
in_container() {
  [ $# = 2 ] || set -- . "$1"
  bundle scratch "$1"
  runs scratch "$2"
  # The standard input stays ours: a loop that reads would lose its lines.
  oci run -b scratch "scratch-$$" </dev/null
}

# refused WORDS COMMAND...: fails with a message on standard error that holds the words.
refused() {
  local words=$1 status=0 said
  shift
  said=$("$@" 2>&1 >/dev/null) || status=$?
  [ $status != 0 ] || fail "should have failed: $*"
  [ $status -lt 129 ] || fail "ended by signal $((status - 128)): $*"
  assert_contains "$said" "$words"
}

oci_status() { oci state "$1" | jq -r .status; }
oci_is() { [ "$(oci_status "$1")" = "$2" ]; }
oci_pid() { oci state "$1" | jq .pid; }

# Directories of control groups that belong to our containers.
groups_left() { find /sys/fs/cgroup -type d -name "*-$$" 2>/dev/null; }

# nothing_left: no container, no control group and no mount of ours.
nothing_left() {
  assert_eq "$(ls -A "$STATE" 2>/dev/null)" '' 'left in the state directory'
  assert_eq "$(groups_left)" '' 'control groups left'
  assert_eq "$(grep -c "$TEST_DIR" /proc/self/mountinfo)" 0 'mounts left'
}

oci_clean_up() {
  local status=$? dir
  for dir in "$STATE"/*/; do [ ! -d "$dir" ] || oci delete --force "$(basename "$dir")" || status=1; done
  if [ $status = 0 ] && [ "$(ls -A "$STATE" 2>/dev/null)" ]; then
    echo "FAIL: delete --force left: $(find "$STATE")" >&2
    status=1
  fi
  set +e
  (exit "$status")  # What clean_up ends with.
  clean_up
}
trap oci_clean_up EXIT
