# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2119,SC2164
# as: root user
# needs: docker-registry tmux jq
# Progress of pull, push and copy: bars on a terminal, one line a layer, redrawn in place, which no width
# breaks; lines in a pipe, without control characters; one JSON object a line; nothing with -q.
. "$TEST_LIB"
# shellcheck source=tests/registry.sh
. "$(dirname "$TEST_LIB")/registry.sh"

start_registry
cd "$TMPDIR"
head -c 2000000 /dev/urandom >noise
tar -cf noise.tar noise
docker_archive image.tar large "$TEST_CACHE/busybox.tar" noise.tar
tare load -q -i image.tar >/dev/null
tare tag large "$REGISTRY/large:1"
tare push -q "$REGISTRY/large:1" >/dev/null
tare rmi large "$REGISTRY/large:1" >/dev/null

terminal=$TMPDIR/tmux
end_terminal() {
  tmux -S "$terminal" kill-server 2>/dev/null || true
  end_registries
}
trap end_terminal EXIT
screen() { tmux -S "$terminal" capture-pane -p -t "$1"; }
shows() { [[ $(screen "$1") == *"$2"* ]]; }

# seen NAME WIDTH COMMAND: runs it in a terminal; `bars` has a bar when one was seen.
seen() {
  tmux -S "$terminal" -f /dev/null new-session -d -s "$1" -x "$2" -y 24 "$3; echo \"status \$?\"; read -r _"
  eventually 20 shows "$1" '[='
  bars=$(screen "$1")
  eventually 20 shows "$1" 'status 0'
  screen "$1" >"$1.screen"
}
seen pull 120 "tare pull --rate 2m $REGISTRY/large:1"
assert_matches "$bars" '[0-9a-f]{12}: Downloading \[=+> *\] +[0-9.]+[kM]B/2(\.[0-9]+)?MB'
assert_eq "$(grep -cE '^[0-9a-f]{12}: Pull complete' pull.screen)" 2 'lines of layers at the end'
assert_eq "$(grep -cE '^[0-9a-f]{12}: ' pull.screen)" 2 'lines of layers'
assert_contains "$(cat pull.screen)" "Status: Downloaded newer image for $REGISTRY/large:1"
# Narrower than a bar: cut, and still one line a layer.
seen narrow 40 "tare copy --rate 2m docker://$REGISTRY/large:1 oci:narrow:1"
assert_eq "$(grep -cE '^[0-9a-f]{12}: Copied' narrow.screen)" 2 'lines of layers in a narrow terminal'
assert_eq "$(grep -cE '^[0-9a-f]{12}: ' narrow.screen)" 2 'lines in a narrow terminal'

# A pipe.
tare rmi "$REGISTRY/large:1" >/dev/null
tare pull "$REGISTRY/large:1" | cat >lines
not grep -q $'[\x1b\r]' lines
for word in 'Pulling fs layer' 'Download complete' 'Pull complete'; do
  assert_eq "$(grep -cE "^[0-9a-f]{12}: $word" lines)" 2 "lines with '$word'"
done
assert_lacks "$(cat lines)" '[='

# JSON: objects only, and all that there was to say.
tare rmi "$REGISTRY/large:1" >/dev/null
tare pull --json --rate 2m "$REGISTRY/large:1" >json
jq -e . json >/dev/null
assert_eq "$(wc -l <json)" "$(jq -c . json | wc -l)" 'lines'
jq -es 'any(.progressDetail.total > 1000000 and .progressDetail.current > 0)' json >/dev/null || fail 'no progress in numbers'
jq -es '[.[] | select(.status == "Pull complete")] | length == 2' json >/dev/null || fail 'not every layer is complete'
assert_matches "$(tail -1 json | jq -r .digest)" '^sha256:[0-9a-f]{64}$'

# Quiet.
assert_eq "$(tare pull -q "$REGISTRY/large:1")" "$REGISTRY/large:1"
assert_eq "$(tare push -q "$REGISTRY/large:1")" "$REGISTRY/large:1"
assert_matches "$(tare copy -q "docker://$REGISTRY/large:1" oci:quiet:1)" '^sha256:[0-9a-f]{64}$'
