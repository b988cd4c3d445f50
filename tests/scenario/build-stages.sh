# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# Stages that do not need each other are built at the same time.
. "$TEST_LIB"
image_busybox
mkdir app
{
  for i in 1 2 3 4; do
    # Each waits for all the others: one after the other they would never end.
    cat <<TEXT
FROM busybox AS part$i
RUN --mount=type=cache,id=meeting,target=/meeting touch /meeting/$i && \
    for try in \$(seq 500); do [ \$(ls /meeting | wc -l) = 4 ] && exit 0; sleep 0.02; done; exit 1
RUN echo $i >/part
TEXT
  done
  echo 'FROM busybox'
  for i in 1 2 3 4; do echo "COPY --from=part$i /part /part$i"; done
} >app/Dockerfile
tare build --network none -t app app 2>log || fail "$(cat log)"
assert_eq "$(tare run --rm --network none app sh -c 'cat /part?' | tr '\n' ' ')" '1 2 3 4 '
