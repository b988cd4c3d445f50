# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# events tells when a container runs out of memory: once for each process that is killed for it, also when it is the first.
# as: root
# needs: jq
. "$TEST_LIB"
. "$(dirname "$TEST_LIB")/oci.sh"
has_controller memory || skip 'no memory controller'

c=oom-$$
bundle b '.linux.resources.memory = {limit: 16777216, swap: 16777216}'
runs b 'while :; do sleep 0.05; if [ -e /go ]; then rm /go; tail /dev/zero; echo >/over; fi; done'
oci create -b b $c
oci start $c
oci events --interval 100s $c >told &
listener=$!
told() { [ "$(grep -c '"type":"oom"' told)" = "$1" ]; }
eventually 10 grep -q '"type":"stats"' told
for n in 1 2 3; do
  rm -f b/rootfs/over
  touch b/rootfs/go
  eventually 20 test -e b/rootfs/over
  eventually 10 told $n
done
assert_eq "$(jq -r 'select(.type == "oom") | .id' told | sort -u)" $c
oci kill $c KILL
wait $listener
told 3 || fail "events that nobody was killed for: $(grep oom told)"
oci delete --force $c

# The first process itself.
runs b 'while [ ! -e /go ]; do sleep 0.05; done; exec tail /dev/zero'
oci create -b b $c
oci start $c
oci events --interval 100s $c >told &
listener=$!
eventually 10 grep -q '"type":"stats"' told
touch b/rootfs/go
wait $listener
told 1 || fail "its end for lack of memory is not told: $(cat told)"
oci delete $c
nothing_left
