# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# needs: tmux jq
# What is shown of a build: steps that run in place on a terminal, with their last lines, whatever its size;
# lines in a pipe and where nothing can be drawn; BuildKit's JSON; and the words that Vagrant looks for.
. "$TEST_LIB"
image_busybox
mkdir app
cat >app/Dockerfile <<'TEXT'
FROM busybox AS first
RUN --mount=type=cache,id=gate,target=/gate echo begun; for i in 1 2 3 4 5 6 7 8 9; do echo "line $i of first"; done; touch /gate/ready; \
    until [ -e /gate/go ]; do sleep 0.05; done; echo over
FROM busybox AS second
RUN --mount=type=cache,id=gate,target=/gate printf 'a very long line, %s %s %s %s %s %s %s %s end' aaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbb \
    cccccccccccccccc dddddddddddddddd eeeeeeeeeeeeeeee ffffffffffffffff gggggggggggggggg hhhhhhhhhhhhhhh; echo; until [ -e /gate/go ]; do sleep 0.05; done
FROM first
COPY --from=second /bin/busybox /other
RUN echo done >/done
TEXT
terminal=$TMPDIR/tmux
end_terminal() {
  tmux -S "$terminal" kill-server 2>/dev/null || true
  rm -f "$terminal"
  clean_up
}
trap end_terminal EXIT
screen() { tmux -S "$terminal" capture-pane -p -t "$1"; }
shows() { [[ $(screen "$1") == *"$2"* ]]; }
hides() { ! shows "$@"; }
go() { tare run --rm --network none -v "$(tare volume ls -q | grep build-cache):/gate" busybox sh -c "$1"; }
start() { tmux -S "$terminal" -f /dev/null new-session -d -s "$1" -x "$2" -y "$3" "$4; echo \"status \$?\"; read -r _"; }

start wide 100 24 'tare build --network none -t app app'
eventually 20 shows wide 'line 9 of first'
shown=$(screen wide)
assert_matches "$shown" '\[\+\] Building [0-9.]+s \(0/2\)'
assert_matches "$shown" ' => \[first 1/1\] RUN .* +[0-9.]+s'
assert_contains "$shown" ' => => # line 4 of first'
assert_lacks "$shown" 'line 3 of first'
assert_eq "$(grep -c 'Building' <<<"$shown")" 1 'drawings'
eventually 20 shows wide 'a very long line'
# Narrower and wider while it runs: still one drawing.
tmux -S "$terminal" resize-window -t wide -x 60 -y 24
eventually 20 hides wide 'ccc dddd'
tmux -S "$terminal" resize-window -t wide -x 100 -y 24
eventually 20 shows wide 'ccc dddd'
assert_eq "$(screen wide | grep -c 'Building')" 1 'drawings after another size'
go 'touch /gate/go'
eventually 20 shows wide 'status 0'
shown=$(screen wide)
assert_eq "$(grep -cE '^ => \[' <<<"$shown")" 4 'steps that ended'
assert_lacks "$shown" ' => => #'
assert_contains "$shown" 'FINISHED'
assert_contains "$shown" "writing image $(tare images -q --no-trunc app)"

# Cached, and few lines and columns.
start small 40 6 'tare build --network none -t app app'
eventually 20 shows small 'status 0'
# Nothing can be drawn.
start dumb 100 24 'TERM=dumb tare build --network none -t app app'
eventually 20 shows dumb 'status 0'
assert_contains "$(screen dumb)" '#4 CACHED'
start cached 100 24 'tare build --network none -t app app'
eventually 20 shows cached 'status 0'
assert_eq "$(screen cached | grep -cE '^ => CACHED .* 0\.0s$')" 4
# A failure keeps what was said last.
printf 'FROM busybox\nRUN for i in 1 2 3; do echo why $i; done; exit 3\n' >Failing
start failing 100 24 'tare build --network none - <Failing'
eventually 20 shows failing 'status 1'
assert_matches "$(screen failing)" ' => ERROR \[stage-0 1/1\] RUN'
assert_contains "$(screen failing)" ' => => # why 3'

# A pipe has no control characters; both of Vagrant's expressions find the id.
tare build --network none -t app app >out 2>&1
not grep -q $'[\x1b\r]' out
id=$(tare images -q --no-trunc app)
assert_eq "$(grep -oiE 'writing image .+:[^ ]+' out | tail -1 | sed 's/.*://')" "${id#sha256:}"

# JSON, as BuildKit's client has it.
tare build --network none --no-cache --progress rawjson -f Failing . 2>json && fail 'it should fail'
head -n 100 json | grep '^{' >lines
jq -es 'all(keys - ["vertexes", "statuses", "logs", "warnings"] == [])' lines >/dev/null || fail 'other objects'
assert_eq "$(jq -rs '[.[].logs[]?.data | @base64d] | add' lines)" $'again, because the cache is not wanted\nwhy 1\nwhy 2\nwhy 3'
jq -es 'any(.[].vertexes[]?; .error != null and .completed != null and (.digest | startswith("sha256:")))' lines >/dev/null || fail 'no error'
tare build --network none --progress rawjson app 2>json
jq -es '[.[].vertexes[]? | select(.cached)] | length == 4' json >/dev/null || fail 'nothing is cached'
assert_contains "$(jq -rs '[.[].statuses[]?.name] | join(" ")' json)" "writing image $id"
# Quiet.
assert_eq "$(tare build --network none --progress quiet app 2>&1)" "$id"
