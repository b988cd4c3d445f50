# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# A service whose programs are heredocs of its Dockerfile: user, volume, health check, signal.
. "$TEST_LIB"
. "$(dirname "$TEST_LIB")/corpus.sh"
image_busybox
cp -r "$CORPUS/script-service" .
tare build -q --network none --build-arg PORT=9100 -t service script-service >/dev/null
tare run -d --name c --hostname box --network none -v data:/data service >/dev/null
eventually 10 logs_contain c ready
eventually 20 is_healthy c
assert_eq "$(tare exec c sh -c 'echo hi | nc -w 1 127.0.0.1 9100')" 'you said hi'
assert_eq "$(tare exec c cat /data/started /etc/port /etc/service.conf /etc/table)" \
  $'box 700\n9100\nport = 9100\nname = $HOSTNAME\n1 1\n2 4\n3 9'
assert_eq "$(tare exec c sh -c 'touch here && stat -c %u:%g . .. /var')" $'700:700\n700:700\n0:0'
tare stop -t 20 c >/dev/null
assert_contains "$(tare logs c)" leaving
assert_eq "$(tare run --rm --network none -v data:/data service sh -c 'cat /data/started; stat -c "%a %U" /data')" $'box 700\n750 service'
assert_eq "$(tare inspect --format '{{json .Config.ExposedPorts}}{{json .Config.Cmd}}' service)" \
  '{"9001/udp":{},"9100/tcp":{}}["/bin/ash","-eo","pipefail","-c","serve"]'
