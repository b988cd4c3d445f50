# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# pack makes the minimal image of a dynamic program: the loader, its libraries and nothing else.
. "$TEST_LIB"

tare pack /bin/date -t date >/dev/null
assert_eq "$(tare run --rm --network none date -u -d @0 +%F)" 1970-01-01
assert_matches "$(tare run --rm --network none date)" "$(date +%Y)"
# Not a shell in sight: what is not needed is not there.
exits 127 tare run --rm --network none --entrypoint sh date
size=$(tare images --format '{{.Size}}' date)
assert_matches "$size" '^[0-9.]+MB$'
# Same input, same image.
first=$(tare images -q --no-trunc date)
tare pack /bin/date -t again >/dev/null
assert_eq "$(tare images -q --no-trunc again)" "$first"
tare pack /bin/cat /bin/ls -t tools >/dev/null
assert_eq "$(echo x | tare run -i --rm --network none --entrypoint cat tools)" x
not tare pack /no/such/program -t x
not tare pack /etc/passwd -t x
