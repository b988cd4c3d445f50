# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# A lock tells apart RUNs with the same text, and gives equal answers again as often as they came before another one.
# What is larger than 4 MiB is given again, too.
# as: root user
# network: outside
# needs: jq
. "$TEST_LIB"
# shellcheck source=tests/web.sh
. "$(dirname "$TEST_LIB")/web.sh"
image_busybox
start_web 8080
mkdir app
cat >app/Dockerfile <<TEXT
FROM busybox
RUN wget -q -O- $base/count >>/counted
RUN wget -q -O- $base/count >>/counted
RUN for i in 1 2 3 4; do wget -q -O- $base/pending/2/done; done >/polled
RUN wget -q -O /big $base/big/6000000
TEXT
tare build -q -t app app >id 2>log || fail "$(cat log)"
files() { tare run --rm --network none app sh -c 'cat /counted /polled && wc -c </big'; }
want=$'1\n2\npending\npending\ncontent of done\ncontent of done\n6000000'
assert_eq "$(files)" "$want"
assert_eq "$(jq -r '.runs[].step[0:13]' app/Dockerfile.lock)" $'[stage-0] RUN\n[stage-0 #2] \n[stage-0] RUN\n[stage-0] RUN'
assert_eq "$(jq '.runs[2].downloads | length' app/Dockerfile.lock)" 3
net_clean
tare build -q --locked --no-cache -t app app >again 2>log || fail "$(cat log)"
cmp id again
assert_eq "$(files)" "$want"
# Also by what the image's record says, which has no lock.
assert_contains "$(tare verify --rebuild --no-lock app app 2>log)" 'comes from its recipe: 4 steps' "$(cat log)"
