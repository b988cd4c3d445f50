# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# ps has Docker's columns, filters and --format.
. "$TEST_LIB"
image_busybox

assert_matches "$(tare ps)" '^CONTAINER ID +IMAGE +COMMAND +CREATED +STATUS +PORTS +NAMES$'
id=$(tare run -d --name up -l color=blue --network none busybox sleep 1000)
tare run --name gone --network none busybox true
tare create --name ready busybox true >/dev/null

assert_eq "$(tare ps -q --no-trunc)" "$id"
assert_eq "$(tare ps -a --format '{{.Names}}' | sort | tr '\n' ' ')" 'gone ready up '
assert_matches "$(tare ps --format '{{.ID}}|{{.Image}}|{{.Command}}|{{.Status}}|{{.Names}}')" \
  "^${id:0:12}\|busybox\|\"sleep 1000\"\|Up .*\|up$"
assert_matches "$(tare ps -a --filter name=gone --format '{{.Status}}')" '^Exited \(0\) .* ago$'
assert_eq "$(tare ps -a --filter status=created --format '{{.Names}} {{.Status}}')" 'ready Created'
assert_eq "$(tare ps -a --filter label=color=blue --format '{{.Names}}')" up
assert_eq "$(tare ps -a --filter exited=0 --format '{{.Names}}')" gone
assert_eq "$(tare ps -l --format '{{.Names}}')" ready
assert_eq "$(tare ps -n 2 -q | wc -l)" 2
assert_eq "$(tare ps --format json | jq -r .Names)" up
not tare ps --filter nonsense=1
tare create --name words busybox sh -c 'a b' c >/dev/null
assert_eq "$(tare ps -a --no-trunc --filter name=words --format '{{.Command}}')" "\"sh -c 'a b' c\""
