# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# What scripts about a store that goes through something bad share: . "$(dirname "$TEST_LIB")/store.sh"

# What is chosen by chance is the same every time, unless a seed is given: TEST_SEED.
RANDOM=${TEST_SEED:-1}

# small_image NAME FILE...: a docker archive NAME.tar of two layers, a small one of busybox and one with
# these files. Nothing but sh, true, cat and the like is in it.
small_image() {
  local name=$1
  shift
  if [ ! -e "$TMPDIR/small-base.tar" ]; then
    (cd "$TEST_CACHE/rootfs" && tar -cf "$TMPDIR/small-base.tar" bin)
  fi
  tar -cf "$TMPDIR/small-$name.tar" "$@"
  docker_archive "$name.tar" "$name" "$TMPDIR/small-base.tar" "$TMPDIR/small-$name.tar"
}

class_bytes() { tare df --format "{{if eq .Class \"$1\"}}{{.Bytes}}{{end}}" | grep . || echo 0; }

# Nothing is left of those who died: for eventually.
is_tidy() {
  tare images >/dev/null || return 1
  left="$(find "$TARE_ROOT/tmp" "$TARE_ROOT/trash" -mindepth 1 ! -path '*/.lock') $(
    find "$TARE_ROOT/layers" -name '*.ne*') $(find "$TARE_ROOT" -path '*/upper' -prune -o -name '.tmp-*' -print)"
  [ -z "${left// /}" ] && [ ! -e "$TARE_ROOT/sweep" ] && [ "$(class_bytes other)" -eq 0 ]
}
tidy() {
  local end=$((SECONDS + 10))
  until is_tidy; do
    [ $SECONDS -lt $end ] || fail "left after $1: $left $(tare df)"
    sleep 0.05
  done
}
is_clean() {
  local said
  said=$(tare fsck 2>&1) || fail "after $1: $said"
  assert_eq "$said" 'the store is clean' "fsck after $1"
}

# steps COMMAND...: how many it takes, see src/base/steps.cc.
steps() {
  head -c 8 /dev/zero >"$TMPDIR/steps"
  TARE_STEPS=$TMPDIR/steps TARE_STEP=${STEP_KIND:-kill}:999999999 PATH=$TEST_FAILPOINTS:$PATH "$@" >/dev/null 2>&1 || true
  od -An -tu8 "$TMPDIR/steps" | tr -d ' '
}
# at_step KIND:N COMMAND...: runs it with that; STATUS is its exit status, 'said' what it said. In a
# process group of its own.
at_step() {
  local step=$1
  shift
  head -c 8 /dev/zero >"$TMPDIR/steps"
  STATUS=0
  TARE_STEPS=$TMPDIR/steps TARE_STEP=$step PATH=$TEST_FAILPOINTS:$PATH \
    timeout -s KILL 60 setsid -w "$@" >"$TMPDIR/said" 2>&1 || STATUS=$?
  [ $STATUS != 124 ] || fail "$* hangs at step $step"
  rm -f "$TMPDIR/steps"
}
# some_of TOTAL: the numbers of steps that are tried: all when TEST_EVERY_STEP is set, some otherwise,
# others each time.
some_of() {
  local each=1
  [ -n "${TEST_EVERY_STEP-}" ] || each=$(($1 / ${2:-6} + 1))
  seq $((RANDOM % each + 1)) $each "$1"
}
