# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# kill sends signals by name and by number, to the process or to all; a container that is only created dies of one.
# needs: jq
. "$TEST_LIB"
. "$(dirname "$TEST_LIB")/oci.sh"

c=signal-$$
bundle b
runs b 'trap "echo usr1 >>/got" USR1; trap "echo hup >>/got" HUP; trap "echo term; exit 3" TERM; echo >/ready; while :; do sleep 0.05; done'
oci create -b b $c
oci start $c
eventually 5 test -e b/rootfs/ready
got() { grep -q "$1" b/rootfs/got 2>/dev/null; }
oci kill $c USR1
eventually 5 got usr1
rm b/rootfs/got
oci kill $c SIGUSR1
eventually 5 got usr1
rm b/rootfs/got
oci kill $c 10
eventually 5 got usr1
oci kill $c sighup
eventually 5 got hup
refused 'signal' oci kill $c NOSUCH
refused 'signal' oci kill $c 99
refused 'signal' oci kill $c -- -1
oci kill $c  # TERM is what is sent without a name.
eventually 5 oci_is $c stopped
oci delete $c

# --all reaches those that ignore their parent.
runs b 'sh -c "trap \"\" TERM; trap \"echo child >>/all\" USR1; echo >/there; while :; do sleep 0.05; done" & trap "echo first >>/all" USR1; while [ ! -e /there ]; do sleep 0.05; done; echo >/go; while :; do sleep 0.05; done'
oci create -b b $c
oci start $c
eventually 5 test -e b/rootfs/go
if [ -n "$(groups_left)" ]; then
  oci kill --all $c USR1
  all() { grep -q child b/rootfs/all && grep -q first b/rootfs/all; }
  eventually 5 all
fi
oci kill --all $c KILL
eventually 5 oci_is $c stopped
oci delete $c

oci create -b b $c
oci kill $c KILL
eventually 5 oci_is $c stopped
refused stopped oci start $c
oci delete $c
nothing_left
