# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# Mount points that the image made into links: nothing is made or mounted outside its root.
. "$TEST_LIB"

mkdir victim
chmod 777 victim
for name in proc sys dev etc data; do
  hostile "evil:$name" "sym:$name=$PWD/victim" || continue
  tare run --rm --network none -v "$PWD:/data/sub:ro" "evil:$name" true >/dev/null 2>&1 || true
done
hostile evil:null "dir:dev" "sym:dev/null=$PWD/victim/null" "sym:dev/pts=$PWD/victim" "sym:dev/console=$PWD/victim/console" &&
  { tare run --rm --network none evil:null true >/dev/null 2>&1 || true; }
assert_eq "$(ls -A victim)" ''
# Volumes over /proc are refused, before something is made for them: the protections live there.
exits 125 tare run --rm --network none -v "$PWD/missing:/proc/x" evil:data true
[ ! -e missing ] || fail 'the source of a refused volume was made'
exits 125 tare run --rm --network none -v "$PWD/victim:/proc" evil:data true
exits 125 tare run --rm --network none --tmpfs /proc/sys evil:data true
