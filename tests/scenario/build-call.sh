# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# needs: jq
# build --call: what is wrong with a Dockerfile, what it can be given and which targets it has, as text and as JSON,
# and nothing is built.
. "$TEST_LIB"
mkdir app
cat >app/Dockerfile <<'TEXT'
ARG base=busybox
FROM $base AS tools
# LEVEL is how much
ARG LEVEL=1
RUN --mount=type=secret,id=token,required=true --mount=type=ssh true

# app is what runs
FROM scratch AS app
COPY --from=tools /x /
CMD run it
TEXT
call() { tare build --call "$@" app; }
assert_eq "$(call targets | sed 's/ *$//')" $'TARGET        DESCRIPTION\ntools\napp (default) is what runs'
assert_eq "$(call targets,format=json | jq -r '.targets[] | [.name, .base, .default, .location.ranges[0].start.line] | @csv')" \
  $'"tools","$base",,2\n"app","scratch",true,8'
out=$(call outline --build-arg LEVEL=3 | sed 's/ *$//')
assert_eq "$out" "TARGET:      app
DESCRIPTION: is what runs

BUILD ARG   VALUE     DESCRIPTION
base        busybox
LEVEL       3         is how much

SECRET   REQUIRED
token    true

SSH       REQUIRED
default"
assert_eq "$(call outline,format=json | jq -r '.args[] | .name + "=" + .value + "@" + (.location.ranges[0].start.line | tostring)')" \
  $'base=busybox@1\nLEVEL=1@4'
assert_eq "$(call outline,format=json | jq -r '.sources[0]' | base64 -d)" "$(cat app/Dockerfile)"
assert_eq "$(call outline --target tools | head -1 | tr -s ' ')" 'TARGET: tools'
exits 1 call outline --target nothing 2>log

exits 1 tare build --call check app >out
assert_contains "$(cat out)" $'Check complete, 1 warning has been found!\n\nWARNING: JSONArgsRecommended - https://docs.docker.com/go/dockerfile/rule/json-args-recommended/\n'
assert_contains "$(cat out)" $'Dockerfile:10\n--------------------\n'
assert_contains "$(cat out)" '  10 | >>> CMD run it'
exits 1 tare build --check app >again
cmp out again
exits 0 call check,ignorestatus=true >/dev/null
exits 1 call check,format=json >out
assert_eq "$(jq -r '.warnings[0] | .ruleName + " " + (.location.ranges[0].start.line | tostring)' out)" 'JSONArgsRecommended 10'
sed -i '$d' app/Dockerfile
assert_eq "$(call check)" 'Check complete, no warnings found.'
exits 1 call nonsense 2>log
assert_contains "$(cat log)" 'check, outline and targets'
assert_eq "$(tare images -aq)" ''
