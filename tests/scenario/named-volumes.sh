# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# Named volumes: made by hand or by run, kept when containers go, shared with the same owners.
. "$TEST_LIB"
image_busybox
run() { tare run --rm --network none "$@"; }

assert_eq "$(tare volume create data --label a=b)" data
assert_eq "$(tare volume create data)" data 'a second create'
not tare volume create -d nfs other 2>err
assert_contains "$(cat err)" 'local is the driver'
not tare volume create -o colour=red other 2>err
assert_contains "$(cat err)" "no option 'colour'"
not tare volume create -o type=tmpfs -o device=tmpfs other 2>err
assert_contains "$(cat err)" 'only type=none with o=bind'
for name in x .hidden a/b 'a b' $'a\nb' ..; do not tare volume create -- "$name" 2>/dev/null; done
assert_eq "$(tare volume inspect -f '{{.Name}} {{.Driver}} {{.Scope}} {{.Labels.a}} {{.Mountpoint}}' data)" \
  "data local local b $TARE_ROOT/volumes/data/_data"
assert_eq "$(tare inspect --type volume -f '{{.Name}}' data)" data
assert_eq "$(tare inspect -f '{{.Name}}' data)" data
not tare volume inspect gone 2>err
assert_contains "$(cat err)" "no such volume: 'gone'"

# What one container writes another sees, with the owners that it gave: their ids outside differ.
run -v data:/data busybox sh -c 'echo one >/data/file; chown 1000:1001 /data/file; echo two >/data/root; mkdir /data/sub; echo s >/data/sub/s'
tare run -d --name holder --network none -v data:/data busybox sleep 1000 >/dev/null
assert_eq "$(run -v data:/data busybox stat -c '%u:%g' /data/file /data/root | tr '\n' ' ')" '1000:1001 0:0 '
assert_eq "$(run -v data:/data -u 1000 busybox sh -c 'echo more >>/data/file; cat /data/file')" $'one\nmore'
assert_eq "$(tare exec holder tail -n 1 /data/file)" more
not run -v data:/data:ro busybox touch /data/x 2>/dev/null
not run --mount type=volume,src=data,dst=/data,readonly busybox touch /data/x 2>/dev/null
assert_eq "$(run --mount type=volume,src=data,dst=/data,volume-subpath=sub busybox cat /data/s)" s
assert_eq "$(run --mount type=volume,src=data,dst=/data/deep -v "$PWD:/data" busybox cat /data/deep/root)" two
assert_matches "$(run -v data:/data busybox awk '$5 == "/data" {print $6}' /proc/self/mountinfo)" 'nosuid.*nodev'
# A volume that is not there is made.
run -v fresh:/here busybox touch /here/x
assert_eq "$(tare volume ls -q | tr '\n' ' ')" 'data fresh '
tare volume ls >out
assert_matches "$(head -1 out)" '^DRIVER +VOLUME NAME$'
assert_eq "$(tare volume ls -q --filter label=a=b)" data
assert_eq "$(tare volume ls -q --filter dangling=true)" fresh
assert_eq "$(tare volume ls -q -f name=fre -f driver=local)" fresh
assert_contains "$(tare volume ls --format json | head -1)" '"Name":"data"'
not tare volume ls -f colour=red 2>/dev/null

# What it costs an ordinary user has names; root's mounts are mapped.
grants=$(tare ps --filter name=holder --grants --format '{{.Grants}}')
if [ "$TEST_AS" = root ]; then
  assert_eq "$grants" ''
else
  assert_eq "$grants" 'shared-ids,caller-id'
  not tare run --rm --network none --userns auto:size=100 -v data:/data busybox true 2>err
  assert_contains "$(cat err)" 'belong to one range of ids'
fi

# In use, running or stopped.
id=$(tare inspect -f '{{.Id}}' holder)
assert_eq "$(tare ps -q --no-trunc --filter volume=data)" "$id"
not tare volume rm data 2>err
assert_contains "$(cat err)" "volume is in use - [$id]"
assert_eq "$(tare inspect -f '{{range .Mounts}}{{.Type}} {{.Name}} {{.Source}} {{.Destination}} {{.Driver}} {{.RW}}{{end}}' holder)" \
  "volume data $TARE_ROOT/volumes/data/_data /data local true"
assert_eq "$(tare inspect -f '{{index .HostConfig.Binds 0}}' holder)" data:/data
assert_contains "$(tare ps --format '{{.Mounts}} {{.LocalVolumes}}')" 'data 1'
tare stop -t 0 holder >/dev/null
not tare volume rm data 2>/dev/null
tare rm -v holder >/dev/null
assert_eq "$(run -v data:/data busybox cat /data/root)" two 'after rm -v'
assert_eq "$(tare volume rm data fresh | tr '\n' ' ')" 'data fresh '
not tare volume rm data 2>/dev/null
tare volume rm -f data
assert_eq "$(tare volume ls -q)" ''
# A name for a directory of the host.
mkdir -m 777 host
tare volume create -o type=none -o o=bind -o "device=$PWD/host" named >/dev/null
run -v named:/n busybox touch /n/mine
assert_eq "$(stat -c %u host/mine)" "$(id -u)"
tare volume rm named >/dev/null
[ -e host/mine ] || fail 'volume rm removed what is on the host'
words=$(tare completion bash)
assert_contains "$words" 'tare volume ls -q'
