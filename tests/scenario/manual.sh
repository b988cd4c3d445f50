# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# Manual pages and completion come from the tables of commands and are well formed.
# as: root
# needs: man
. "$TEST_LIB"
image_busybox

tare man >tare.1
assert_eq "$(man --warnings -l tare.1 2>&1 >/dev/null)" ""
page=$(man -l tare.1 | col -b)
for word in --cap-drop TARE_STORE_MAX TARE_UNDO_TIME tare.conf registries.conf; do assert_contains "$page" "$word"; done

tare-oci man >tare-oci.8
assert_eq "$(man --warnings -l tare-oci.8 2>&1 >/dev/null)" ""
page=$(man -l tare-oci.8 | col -b)
for word in --console-socket --systemd-cgroup 'tare-oci update' 'tare-oci features'; do assert_contains "$page" "$word"; done
assert_lacks "$(tare-oci --help)" 'manual page'

tare completion bash >complete
complete_line() {
  bash -c '. ./complete; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tare; echo "${COMPREPLY[*]}"' - "$@"
}
assert_contains "$(complete_line tare ru)" run
assert_contains "$(complete_line tare run --read)" --read-only
assert_contains "$(complete_line tare image '')" history
assert_contains "$(complete_line tare run --name x '')" busybox:latest
assert_contains "$(complete_line tare network rm '')" bridge
assert_contains "$(complete_line tare network con)" connect
assert_contains "$(complete_line tare run -e A=b '')" busybox:latest
# As bash calls it: words are split at : and = too.
complete_split() {
  bash -c '. ./complete; COMP_LINE=$1; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tare_bash; echo "${COMPREPLY[*]}"' - "$@"
}
assert_eq "$(complete_split 'tare run busybox:la' tare run busybox : la)" latest
assert_eq "$(complete_split 'tare run busybox:' tare run busybox :)" latest
assert_eq "$(complete_split 'tare run -e A=b bus' tare run -e A = b bus)" busybox:latest
# An image without a name is none that could be typed.
tare import -q "$TEST_CACHE/busybox.tar" >/dev/null
assert_lacks "$(complete_line tare run '')" none
tare create --name web busybox true >/dev/null
assert_contains "$(complete_line tare rm -f '')" web
for shell in zsh fish; do
  tare completion $shell >complete.$shell
  if command -v $shell >/dev/null; then $shell -n complete.$shell; fi
done
assert_contains "$(cat complete.fish)" "__fish_seen_subcommand_from container; and not"
tare rm web >/dev/null
