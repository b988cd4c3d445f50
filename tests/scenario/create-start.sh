# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# create prepares, start runs, again and again, with the same writable layer.
. "$TEST_LIB"
image_busybox

id=$(tare create --name job --network none busybox sh -c 'echo run >>/count; wc -l </count')
status_is job created
assert_eq "$(tare start -a job)" 1
assert_eq "$(tare start -a "$id")" 2
tare start job >/dev/null
tare wait job >/dev/null
assert_eq "$(tare logs job | tail -n 1)" 3
assert_eq "$(tare inspect --format '{{.Config.Image}} {{.Path}} {{len .Args}}' job)" 'busybox sh 2'
tare inspect job | jq -e '.[0].Id == "'"$id"'" and .[0].State.Running == false' >/dev/null
tare run -d --name up --network none busybox sleep 1000 >/dev/null
assert_eq "$(tare start up)" up
