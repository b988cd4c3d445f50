# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# A setuid program gains nothing under no_new_privs, and the store's files are out of reach of other users.
. "$TEST_LIB"

hostile evil:1 "setuid:bin/attack=$TEST_PROBES/probe-attack"
exits 1 tare run --rm --network none -u 1000 evil:1 /bin/attack setuid
# The flag lifts it, and only it does.
exits 0 tare run --rm --network none -u 1000 --security-opt no-new-privileges=false evil:1 /bin/attack setuid
tare run -d --name web -u 1000 --network none evil:1 sleep 1000 >/dev/null
exits 1 tare exec web /bin/attack setuid
mode=$(stat -c %a "$TARE_ROOT")
assert_matches "$mode" '^.?7[01]0$|^700$|^711$'
