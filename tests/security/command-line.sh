# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# Processes of a container do not see the command line of the exec that comes in: it names paths of the host and variables of others.
. "$TEST_LIB"
image_busybox

probe_path=$TEST_PROBES/probe-attack
tare run -d --name web -u 1000 --network none -v "$probe_path:/attack:ro" busybox /attack cmdline >/dev/null
for _ in 1 2 3 4 5 6 7 8 9 10; do
  tare exec -u 0 -e VERYSECRET=1 web true || fail "the attack ended: $(tare logs web)"
done
status_is web running || fail "a command line was seen: $(tare logs web)"
