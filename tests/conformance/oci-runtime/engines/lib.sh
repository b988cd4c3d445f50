# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the scripts of this folder share. Each is called
#   RUNTIME=PATH [CGROUPS=v1|host|v2] [SECONDS_EACH=60] engines/NAME [PATTERN]
# and runs its functions check_* against a runtime, each in a shell of its own with a time limit; a
# line for each with what failed, and the totals. All happens in mount, pid, network, ipc and uts
# namespaces of its own with empty /run and /tmp: nothing outlives it, whatever crashes.
# A check says what it needs with `skip REASON`. Exit status 1 if one failed.
set -uo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SELF=$HERE/$(basename "$0")

fail() {
  echo "FAIL: $*" >&2
  exit 1
}
skip() {
  echo "SKIP: $*" >&2
  exit 77
}
is() { [ "$1" = "$2" ] || fail "${3-value} is '$1', want '$2'"; }
has() { [[ $1 == *"$2"* ]] || fail "'$2' is not in: ${1:0:300}"; }
lacks() { [[ $1 != *"$2"* ]] || fail "'$2' should not be in: ${1:0:300}"; }
# exits STATUS COMMAND...
exits() {
  local want=$1 status=0
  shift
  "$@" || status=$?
  [ $status = "$want" ] || fail "exit status $status, want $want: $*"
}
# eventually SECONDS COMMAND...
eventually() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ $SECONDS -lt $end ] || fail "never came true: $*"
    sleep 0.1
  done
}
# on_terminal COMMAND...: with a terminal of its own; its output without carriage returns.
on_terminal() { script -qec "$(printf '%q ' "$@")" /dev/null </dev/null | tr -d '\r'; }

# once: the part of each script before its namespaces.
enter_namespaces() {
  [ "$(id -u)" = 0 ] || fail "needs root"
  RUNTIME=$(command -v "${RUNTIME:-$HERE/../../../../build/release/bin/tare-oci}") || fail "no such runtime: ${RUNTIME-}"
  RUNTIME=$(realpath "$RUNTIME")
  export RUNTIME INSIDE=1 LANG=C.UTF-8
  export WORK
  WORK=$(mktemp -d /var/tmp/oci-engine.XXXXXX)
  chmod 755 "$WORK"
  "$HERE/../../../make-rootfs" "$WORK/image" || fail "cannot make the image"
  unshare --mount --pid --net --ipc --uts --fork --kill-child "$HERE/../inside" "${CGROUPS:-v1}" "$SELF" "$@"
  local status=$?
  remove_groups
  # Nothing is mounted there any more, since the mounts were in the namespace.
  grep -q " $WORK" /proc/self/mountinfo || rm -rf --one-file-system "$WORK"
  exit $status
}

# The groups that this run made have its name in their path (GROUP).
remove_groups() {
  local name
  name=$(basename "$WORK")
  find /sys/fs/cgroup -depth -type d -path "*$name*" -exec rmdir {} + 2>/dev/null
}

run_checks() {
  local pattern=${1-} name begun passed=0 failed=0 skipped=0 status
  ip link set lo up
  for name in $(declare -F | sed -n 's/^declare -f check_//p'); do
    [[ $name == *"$pattern"* ]] || continue
    begun=$EPOCHREALTIME
    # A shell of its own, so that a time limit can end it and everything it waits for.
    timeout -k 5 "${SECONDS_EACH:-60}" "$SELF" --one "$name" >"$WORK/said" 2>&1 </dev/null
    status=$?
    case $status in
      0) passed=$((passed + 1)); printf 'passed  %s' "$name" ;;
      77) skipped=$((skipped + 1)); printf 'skipped %s: %s' "$name" "$(sed -n 's/^SKIP: //p' "$WORK/said")" ;;
      124 | 137) failed=$((failed + 1)); printf 'FAILED  %s: did not end in time' "$name" ;;
      *) failed=$((failed + 1)); printf 'FAILED  %s' "$name" ;;
    esac
    printf '  (%d ms)\n' $(((${EPOCHREALTIME/./} - ${begun/./}) / 1000))
    [ $status = 0 ] || [ $status = 77 ] || tail -n 4 "$WORK/said" | cut -c 1-400 | sed 's/^/          /'
    after_check
  done
  printf '\n%s with %s: %d passed, %d failed, %d skipped\n' "$(engine_version)" "$(basename "$RUNTIME")" $passed $failed $skipped
  [ $failed = 0 ]
}

# engine_main ARGUMENTS...: the last line of each script.
engine_main() {
  if [ "${1-}" = --help ]; then
    sed -n '2,/^set/p' "$HERE/lib.sh" | sed -n 's/^# \?//p'
    exit 0
  fi
  [ -n "${INSIDE-}" ] || enter_namespaces "$@"
  if [ "${1-}" = --one ]; then
    set -e
    "check_$2"
    exit 0
  fi
  set_up || fail "the engine cannot be set up"
  run_checks "$@"
}
