# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2034
# An ordinary user outside of a user namespace is told what to do.
# as: user
# needs: jq
. "$TEST_LIB"
OCI_INSIDE=no  # No user namespace for this one.
. "$(dirname "$TEST_LIB")/oci.sh"

bundle b
refused 'unshare --user --map-root-user --map-auto --mount' oci create -b b "plain-$$"
nothing_left
# And that is true.
bundle b '.process.args = ["echo", "works"]'
assert_eq "$(unshare --user --map-root-user --map-auto --mount tare-oci --root "$STATE" run -b b "plain-$$")" works
nothing_left
