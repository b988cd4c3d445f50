# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# What images share is counted once, and told apart from what goes with each: a base of two images, and
# contents of one layer that another refers to.
. "$TEST_LIB"
export TARE_UNDO_TIME=0
random() { openssl enc -aes-128-ctr -pass "pass:$1" -nosalt -pbkdf2 </dev/zero 2>/dev/null | head -c "$2" || true; }
layer() { rm -rf tree && mkdir tree && random "$2" "$3" >"tree/$2" && tar -C tree -cf "$1" .; }
layer base.tar base 3000000
layer one.tar one 1000000
layer two.tar two 500000
docker_archive one.img one base.tar one.tar
docker_archive two.img two base.tar two.tar
tare load -q -i one.img >/dev/null
tare load -q -i two.img >/dev/null
sizes() { tare df --format json | jq -r ".Images[] | select(.Names[0] | test(\"/$1:\")) | \"\(.SharedSize) \(.UniqueSize)\""; }
near() {
  if [ "$1" -lt "$2" ] || [ "$1" -gt $(($2 + 200000)) ]; then fail "$3: $1, want about $2"; fi
}
read -r shared unique < <(sizes one)
near "$shared" 3000000 'shared of one'
near "$unique" 1000000 'unique of one'
read -r shared unique < <(sizes two)
near "$shared" 3000000 'shared of two'
near "$unique" 500000 'unique of two'
assert_matches "$(tare images --format '{{.Repository}} {{.SharedSize}} {{.UniqueSize}} {{.Containers}}' | sort | head -1)" '^one 3\.[0-9]*MB 1\.[0-9]*MB 0$'

# Another layer with the same content, which is kept once: it is shared, and stays for who needs it.
rm -rf tree && mkdir tree && random base 3000000 >tree/other && random three 400000 >tree/three
tar -C tree -cf three.tar .
tare import -q three.tar three >/dev/null
read -r shared unique < <(sizes three)
near "$shared" 3000000 'shared of three'
near "$unique" 400000 'unique of three'
total() { tare df --format '{{if eq .Class "total"}}{{.Bytes}}{{end}}' | tr -d '\n'; }
tare rmi one two >/dev/null
emptied() { [ -z "$(ls "$TARE_ROOT/trash")" ]; }
eventually 10 emptied
read -r shared unique < <(sizes three)
assert_eq "$shared" 0 'shared of the only image'
near "$unique" 3400000 'unique of the only image'
sum=$(tare df --format '{{.Class}} {{.Bytes}}' | awk '/^(blobs|objects|layers|rootfs) /{sum += $2} END {print sum}')
near "$sum" "$unique" 'what images take'
tare run --rm --network none three /none 2>/dev/null || true
tare rmi three >/dev/null
