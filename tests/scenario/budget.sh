# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# A load that does not fit makes room by removing what nothing uses, in order; when that would not be
# enough it is refused, and nothing is removed.
. "$TEST_LIB"
export TARE_UNDO_TIME=1h
make_image() {  # NAME SEED: an image of about 1 MB that shares nothing.
  mkdir -p tree
  openssl enc -aes-128-ctr -pass "pass:$2" -nosalt -pbkdf2 </dev/zero 2>/dev/null | head -c 1000000 >tree/file || true
  tar -C tree -cf "$1.tar" .
}
for name in a b c d e; do make_image $name $name; done
total() { tare df --format '{{if eq .Class "total"}}{{.Bytes}}{{end}}' | tr -d '\n'; }
names() { tare images --format '{{.Repository}}' | sort | tr '\n' ' '; }

for name in a b c d; do tare load -q -n $name -i $name.tar >/dev/null; done
tare create --name user --network none c true >/dev/null 2>&1
tare rmi d >/dev/null
used=$(total)
# What was removed goes first, and is enough.
tare --store-max $((used + 1000000)) load -q -n e -i e.tar >/dev/null 2>err
assert_contains "$(cat err)" "this was removed: what was removed as"
assert_eq "$(names)" 'a b c e '
assert_eq "$(tare undo --list --format '{{.Names}}')" ''
# Then what was used least recently: not c, which has a container.
tare rmi --no-undo e >/dev/null
touch -d '1 hour ago' "$TARE_ROOT/images/$(tare image inspect --format "{{.Id}}" library/b | cut -d : -f 2).json"
used=$(total)
tare --store-max $((used + 1000000)) load -q -n e -i e.tar >/dev/null 2>err
assert_contains "$(cat err)" "'b:latest', which no container uses"
assert_eq "$(names)" 'a c e '
# Everything would not be enough.
exits 1 tare --store-max 2500000 load -q -n d -i d.tar >/dev/null 2>err
assert_matches "$(cat err)" 'load needs .*B, 0B free of the budget of 2.5MB; removing everything unused would give '
assert_eq "$(names)" 'a c e '
exits 1 env TARE_STORE_MAX=1k tare import -q d.tar d 2>err
assert_contains "$(cat err)" 'import needs'
assert_eq "$(ls "$TARE_ROOT/tmp")" ''
# For monitors.
used=$(total)
tare --store-max $((used * 2)) df --check 80 >/dev/null
exits 1 tare --store-max $((used * 10 / 9)) df --check 80 >out
assert_contains "$(cat out)" WARNING
exits 2 tare --store-max $((used + 1000)) df --check 80 >/dev/null
assert_contains "$(tare --store-max 1000000 df --format prometheus)" 'tare_store_budget_bytes 1000000'
exits 125 tare --store-max much df --check 80 2>err
assert_contains "$(cat err)" --store-max
exits 1 env TARE_STORE_MAX=much tare df --check 80 2>err
assert_contains "$(cat err)" TARE_STORE_MAX
tare rm user >/dev/null
tare undo --empty >/dev/null
