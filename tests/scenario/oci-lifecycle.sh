# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# create, start, kill and delete take a container through its states, and each refuses what its state does not allow.
# needs: jq
. "$TEST_LIB"
. "$(dirname "$TEST_LIB")/oci.sh"

c=life-$$
bundle b '.annotations = {"com.example.key": "value"}'
runs b 'echo started >/mark; exec sleep 1000'
oci create -b b --pid-file pid $c
assert_eq "$(oci_status $c)" created
assert_eq "$(cat pid)" "$(oci_pid $c)"
assert_eq "$(wc -l <pid)" 0 'newlines in the pid file'
state=$(oci state $c)
assert_eq "$(jq -r .id <<<"$state")" $c
assert_eq "$(jq -r .bundle <<<"$state")" "$PWD/b"
assert_eq "$(jq -r '.annotations["com.example.key"]' <<<"$state")" value
assert_matches "$(jq -r .ociVersion <<<"$state")" '^1\.'
[ ! -e b/rootfs/mark ] || fail 'the program ran before start'
kill -0 "$(cat pid)"
refused 'exists already' oci create -b b $c
refused created oci delete $c
# What the container is was settled by create.
configure b '.process.args = ["sh", "-c", "echo another >/mark"]'
oci start $c
eventually 5 test -e b/rootfs/mark
assert_eq "$(cat b/rootfs/mark)" started
assert_eq "$(oci_status $c)" running
refused running oci start $c
refused running oci delete $c
refused 'exists already' oci run -b b $c
oci kill $c KILL
eventually 5 oci_is $c stopped
assert_eq "$(oci_pid $c)" 0
refused 'not running' oci kill $c TERM
refused stopped oci start $c
refused stopped oci pause $c
refused stopped oci exec $c true
refused stopped oci update --memory 64m $c
refused 'exists already' oci create -b b $c
oci delete $c
for command in state start 'kill X TERM' delete pause resume ps events 'exec X true' update; do
  # shellcheck disable=SC2086  # Words.
  case $command in
    *X*) refused 'does not exist' oci ${command/X/$c} ;;
    *) refused 'does not exist' oci $command $c ;;
  esac
done
oci delete --force $c
nothing_left

for id in '' . .. a/b ../x 'a b' $'a\nb' 'é' "$(printf 'x%.0s' $(seq 1 1100))"; do
  refused 'is not valid' oci create -b b "$id"
  refused 'is not valid' oci state "$id"
  refused 'is not valid' oci delete --force "$id"
done
refused 'no container id' oci create -b b
refused 'more than one' oci create -b b one two
oci create -b b "A.b_c+d-$$"
oci delete --force "A.b_c+d-$$"
nothing_left
