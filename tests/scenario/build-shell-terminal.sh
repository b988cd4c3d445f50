# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# needs: tmux
# The progress of a build ends where the shell of --shell-on-error or --at begins: nothing is drawn over it.
. "$TEST_LIB"
image_busybox
mkdir app
printf 'FROM busybox\nRUN echo why; for i in 1 2 3 4; do echo line $i; done; exit 3\n' >app/Dockerfile
terminal=$TMPDIR/tmux
end_terminal() {
  tmux -S "$terminal" kill-server 2>/dev/null || true
  rm -f "$terminal"
  clean_up
}
trap end_terminal EXIT
screen() { tmux -S "$terminal" capture-pane -p -t "$1"; }
shows() { [[ $(screen "$1") == *"$2"* ]]; }
start() { tmux -S "$terminal" -f /dev/null new-session -d -s "$1" -x 100 -y 30 "$2; echo \"status \$?\"; read -r _"; }
# What is typed is not what is printed.
say() {
  eventually 20 shows "$1" 'exit ends it'
  eventually 20 shows "$1" '/ #'
  tmux -S "$terminal" send-keys -t "$1" 'for i in 1 2 3 4 5 6; do echo said-$i; done' Enter
  eventually 20 shows "$1" said-6
  tmux -S "$terminal" send-keys -t "$1" 'exit 7' Enter
}
start failed 'tare build --network none --shell-on-error app'
say failed
eventually 20 shows failed 'status 1'
shown=$(screen failed)
assert_matches "$shown" $' => ERROR .*=> => # why\n.*=> => # line 4\n.*a shell in the state.*said-1\n.*said-6\n.*exit 7\n.*exit status 3'
assert_eq "$(grep -cE '^ => ERROR|^\[\+\]' <<<"$shown")" 1 'drawings'
sed -i 's/exit 3/true/' app/Dockerfile
start line 'tare build --network none --at 2 app'
say line
eventually 20 shows line 'status 7'
assert_matches "$(screen line)" $'a shell in the state.*said-1\n.*said-6\n.*exit 7'
