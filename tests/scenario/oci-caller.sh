# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# A caller without standard streams, or with a small limit on the size of files: nothing of the host gets the number of a stream, and a start that cannot be says so and leaves nothing.
# needs: jq
. "$TEST_LIB"
. "$(dirname "$TEST_LIB")/oci.sh"

c=caller-$$
bundle b '.process.args = ["sleep", "1000"]'
oci create -b b $c <&- >&- 2>&-
pid=$(oci_pid $c)
for number in 0 1 2; do assert_eq "$(readlink "/proc/$pid/fd/$number")" /dev/null "descriptor $number"; done
oci delete --force $c
nothing_left

# In a file, which has to stay below the limit, too.
(ulimit -f 16 && refused 'File too large' oci run -b b $c)
nothing_left
