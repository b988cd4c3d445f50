# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# A step is done again only when what it depends on has changed, and says what that was.
. "$TEST_LIB"
image_busybox
mkdir app
echo 1 >app/a
echo 1 >app/b
cat >app/Dockerfile <<'TEXT'
FROM busybox
ARG VERSION=1
COPY a /a
RUN cat /a >/copy
COPY b /b
RUN echo "$VERSION" >/version
TEXT
build() { tare build --network none --progress plain -t app "$@" app 2>log || fail "$(cat log)"; }
again() { grep -c 'again, because' log || true; }
build
assert_contains "$(cat log)" '0 of 4 steps were there'
first=$(tare inspect --format '{{.Id}}' app)
build
assert_contains "$(cat log)" '4 of 4 steps were there'
# A file that only looks new is the same; so is one more in the context.
touch app/a
echo x >app/unused
build
assert_contains "$(cat log)" '4 of 4 steps were there'
assert_eq "$(tare inspect --format '{{.Id}}' app)" "$first"
# One that changed: its step and those after it.
echo 2 >app/b
build
assert_contains "$(cat log)" '2 of 4 steps were there'
assert_contains "$(cat log)" 'again, because b changed'
build --build-arg VERSION=2
# Every RUN sees it; what the COPY between them stands on is the same again.
assert_contains "$(cat log)" '2 of 4 steps were there'
assert_contains "$(cat log)" 'again, because variable VERSION: 1 -> 2'
# Back again is known.
echo 1 >app/b
build
assert_contains "$(cat log)" '4 of 4 steps were there'
assert_eq "$(tare inspect --format '{{.Id}}' app)" "$first"
build --no-cache
assert_contains "$(cat log)" '0 of 4 steps were there'
assert_eq "$(tare inspect --format '{{.Id}}' app)" "$first" 'the image that was built anew'
# It is somebody's.
assert_matches "$(tare system df)" 'Build Cache +[1-9]'
for file in "$TARE_ROOT"/layers/*.index; do
  assert_lacks "$(tare df --why "$file")" 'part of no image'
done
# What steps have made outlives the image, and goes when asked.
tare rmi -f app >/dev/null
tare system prune -f >/dev/null
build
assert_contains "$(cat log)" '4 of 4 steps were there'
tare builder prune -af >/dev/null
tare rmi -f app >/dev/null
tare system prune -f >/dev/null
build
assert_contains "$(cat log)" '0 of 4 steps were there'
assert_eq "$(again)" 4

# An image that is here as it would be written is not written again; one that was removed is, and one with another
# name gets that.
build
first=$(tare inspect --format '{{.Id}}' app)
tare rmi --no-undo app >/dev/null
build
assert_eq "$(tare inspect --format '{{.Id}}' app)" "$first" 'removed, and built again'
build -t other
assert_eq "$(tare inspect --format '{{.Id}}' other)" "$first" 'by another name'
