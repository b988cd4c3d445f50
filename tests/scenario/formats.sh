# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# --format takes the templates that people write for docker.
. "$TEST_LIB"
image_busybox
tare create --name web -l a=1 -l b.c=2 -e X=y --network none busybox sh -c 'echo "a b"' >/dev/null

assert_eq "$(tare inspect -f '{{.Name}} {{.State.Status}} {{.State.Running}}' web)" '/web created false'
assert_eq "$(tare inspect -f '{{index .Config.Labels "b.c"}}{{.Config.Labels.none}}' web)" '2<no value>'
assert_eq "$(tare inspect -f '{{range $k, $v := .Config.Labels}}{{$k}}={{$v}};{{end}}' web)" 'a=1;b.c=2;'
assert_eq "$(tare inspect -f '{{join .Config.Cmd "|"}}' web)" 'sh|-c|echo "a b"'
assert_eq "$(tare inspect -f '{{json .Config.Cmd}}' web)" '["sh","-c","echo \"a b\""]'
assert_eq "$(tare inspect -f '{{if .State.Running}}up{{else}}down{{end}}' web)" down
assert_eq "$(tare ps -a --format '{{.Names}}\t{{.Label "a"}}')" $'web\t1'
assert_eq "$(tare ps -a --format 'table {{.Names}}\t{{upper .State}}')" $'NAMES     STATE\nweb       CREATED'
assert_eq "$(tare images --format '{{.Repository}}:{{.Tag}}')" busybox:latest
assert_eq "$(tare image inspect -f '{{.RepoTags}}' busybox)" '[busybox:latest]'
assert_eq "$(tare inspect --format json web | jq -r '.[0].Name')" /web
error=$(not tare inspect -f '{{.Stat.Pid}}' web 2>&1)
assert_contains "$error" '.State'
error=$(not tare ps -a --format '{{.Names' 2>&1)
assert_contains "$error" '}}'
tare rm web >/dev/null
