# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# Templates do not let text of an image through to a terminal; a pipe gets it as it is.
# needs: script
. "$TEST_LIB"
image_busybox

tare create --name web --network none --label "color=$(printf '\033[31mred')" busybox true >/dev/null
for command in "inspect -f '{{.Config.Labels.color}}' web" "ps -a --format '{{.Labels}}'"; do
  shown=$(script -qec "tare $command" /dev/null </dev/null)
  assert_lacks "$shown" $'\x1b'
  assert_contains "$shown" '\x1b[31mred'
  assert_contains "$(eval "tare $command")" $'\x1b[31mred'
done
