# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# run -d prints the id and returns; logs, wait and inspect tell the rest.
. "$TEST_LIB"
image_busybox

id=$(tare run -d --name web --network none busybox sh -c 'echo one; echo two >&2; sleep 0.3; echo three; exit 3')
assert_matches "$id" '^[0-9a-f]{64}$'
assert_eq "$(tare wait web)" 3
assert_eq "$(tare logs web 2>/dev/null)" $'one\nthree'
assert_eq "$(tare logs web 2>&1 >/dev/null)" two
assert_eq "$(tare logs --tail 1 web 2>/dev/null)" three
assert_matches "$(tare logs -t --tail 1 web)" '^20[0-9-]+T[0-9:.]+Z three$'
assert_eq "$(tare logs --since 2100-01-01T00:00:00Z web 2>&1)" ''
assert_eq "$(tare inspect --format '{{.State.ExitCode}} {{.State.Status}}' "${id:0:12}")" '3 exited'

# Follow ends when the container does, with everything it wrote.
tare run -d --name slow --network none busybox sh -c 'for i in 1 2 3; do echo $i; sleep 0.1; done' >/dev/null
assert_eq "$(tare logs -f slow)" $'1\n2\n3'
