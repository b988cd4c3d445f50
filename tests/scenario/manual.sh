# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# Manual page and completion come from the table of commands and are well formed.
# as: root
# needs: man
. "$TEST_LIB"
image_busybox

tare man >tare.1
assert_eq "$(man --warnings -l tare.1 2>&1 >/dev/null)" ""
assert_contains "$(man -l tare.1 | col -b)" '--cap-drop'

tare completion bash >complete
complete_line() {
  bash -c '. ./complete; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tare; echo "${COMPREPLY[*]}"' - "$@"
}
assert_contains "$(complete_line tare ru)" run
assert_contains "$(complete_line tare run --read)" --read-only
assert_contains "$(complete_line tare image '')" history
assert_contains "$(complete_line tare run --name x '')" busybox:latest
tare create --name web busybox true >/dev/null
assert_contains "$(complete_line tare rm -f '')" web
for shell in zsh fish; do
  tare completion $shell >complete.$shell
  if command -v $shell >/dev/null; then $shell -n complete.$shell; fi
done
tare rm web >/dev/null
