# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# Flags that weaken or strengthen: capabilities, seccomp, no_new_privs; each grant shows in inspect.
. "$TEST_LIB"
image_busybox

# field NAME FLAG...: a line of /proc/self/status in a container with these flags.
field() { tare run --rm --network none "${@:2}" busybox awk "/^$1:/{print \$2}" /proc/self/status; }
assert_eq "$(field NoNewPrivs)" 1
assert_eq "$(field NoNewPrivs --security-opt no-new-privileges=false)" 0
assert_eq "$(field Seccomp)" 2
assert_eq "$(field Seccomp --security-opt seccomp=unconfined)" 0
assert_eq "$(field CapEff --cap-drop ALL)" 0000000000000000
assert_eq "$(field CapBnd --cap-drop ALL --cap-add CHOWN)" 0000000000000001
assert_eq "$(field CapEff -u 1000)" 0000000000000000
assert_eq "$(field CapInh)" 0000000000000000
assert_eq "$(field CapAmb)" 0000000000000000
tare create --name weak --cap-add NET_ADMIN --security-opt seccomp=unconfined busybox true >/dev/null
assert_contains "$(tare inspect weak)" seccomp-off
assert_contains "$(tare inspect weak)" extra-capabilities
exits 125 tare run --rm --network none --security-opt nonsense busybox true
