# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2119
# as: root user
# needs: jq
# What an image says of itself, in attestations and in the databases of its packages, is its maker's: it neither
# crashes, nor costs much, nor speaks to the terminal, nor leads out of the image; and the image works.
. "$TEST_LIB"

image_busybox
mkdir app
cat >app/Dockerfile <<'TEXT'
FROM busybox AS build
RUN echo made >/made
FROM busybox
COPY --from=build /made /made
TEXT
tare build -q --network none -t app app >/dev/null
tare copy -q --all store:app oci:good:app:latest >/dev/null
id=$(tare inspect --format '{{.Id}}' app)

blob() { cat "$1/blobs/sha256/${2#sha256:}"; }
put() { # LAYOUT: its standard input as a blob; prints a descriptor without a type.
  local file digest
  file=$(mktemp "$TMPDIR/blob.XXXXXX")
  cat >"$file"
  digest=$(sha256sum "$file" | cut -d ' ' -f 1)
  mv "$file" "$1/blobs/sha256/$digest"
  printf '{"digest":"sha256:%s","size":%s}' "$digest" "$(stat -c %s "$1/blobs/sha256/$digest")"
}
# with FILTER...: the layout "bad" with every statement changed by the command; in the environment: manifest=FILTER.
with() {
  rm -rf bad
  cp -r good bad
  local index attestations layer all='[]'
  index=$(blob bad "$(jq -r '.manifests[0].digest' bad/index.json)")
  attestations=$(blob bad "$(jq -r '.manifests[1].digest' <<<"$index")")
  while read -r layer; do
    all=$(jq -c --argjson old "$layer" --argjson new "$(blob bad "$(jq -r .digest <<<"$layer")" | "$@" | put bad)" \
      '. + [$old + $new]' <<<"$all")
  done < <(jq -c '.layers[]' <<<"$attestations")
  index=$(jq -c --argjson new "$(jq -c --argjson layers "$all" ".layers = \$layers | ${manifest:-.}" \
    <<<"$attestations" | put bad)" '.manifests[1] += $new' <<<"$index")
  index=$(put bad <<<"$index")
  jq -c --argjson new "$index" '.manifests[0] += $new' bad/index.json >index.new
  mv index.new bad/index.json
  tare rmi --no-undo app >/dev/null
  tare load -q -i <(tar -C bad -c .) >/dev/null
  assert_eq "$(tare inspect --format '{{.Id}}' app)" "$id"
  timeout 10 tare why app /made >out 2>&1 || fail "$(cat out)"
  timeout 10 tare blame app >>out 2>&1 || fail "$(cat out)"
  timeout 10 tare why --json app /made /bin/busybox >>out 2>&1 || fail "$(cat out)"
  not grep -q $'\x1b' out
}
with cat
assert_contains "$(cat out)" 'made by   Dockerfile:2 in build'
# A name of somebody else's terminal; numbers of steps and stages that there are not; circles.
with jq -c '(.predicate | .. | .instruction? // empty) |= "RUN \u001b]0;x\u0007" | (.. | .place? // empty) |= "\u001b[2J"'
with jq -c '(.. | .stage? // empty) |= 99999999999'
with jq -c '(.. | .base? // empty) |= 0 | (.. | .madeBy? // empty) |= 18446744073709551615'
with jq -c '(.. | .step? // empty) |= -1 | (.. | .madeBy? // empty) |= 4294967297'
with jq -c '.predicate.internalParameters = 7 | .predicate.entries = {"a": [{}]}'
with jq -c '(.. | objects | select(has("image")) | .image) |= {"sha256": "../../../../etc/passwd"}'
# Something else altogether, or of another image.
with head -c 1000
assert_lacks "$(cat out)" Dockerfile:
with jq -c '.subject[0].digest.sha256 = "0000000000000000000000000000000000000000000000000000000000000000"'
assert_lacks "$(cat out)" Dockerfile:
manifest='.subject.digest = "sha256:0000000000000000000000000000000000000000000000000000000000000000"' with cat
assert_lacks "$(cat out)" Dockerfile:
manifest='.layers = [range(900) as $i | .layers[0]]' with cat
with sh -c 'cat; head -c 5000000 /dev/zero | tr "\0" " "'

# Databases of packages.
secret=$(printf 'Package: outside\nStatus: install ok installed\nVersion: 1\n' | tee "$TMPDIR/outside")
[ -n "$secret" ]
cat >app/Dockerfile <<TEXT
FROM busybox
RUN mkdir -p /var/lib/dpkg/info /lib/apk/db /etc/x /var/lib/dpkg/status.d && \
  ln -s $TMPDIR/outside /var/lib/dpkg/status && ln -s loop /lib/apk/db/installed && ln -s installed /lib/apk/db/loop && \
  printf 'Package: \\033[31mred\\nVersion: 1\\n' >/var/lib/dpkg/status.d/red && \
  printf '0  made\\n' >'/var/lib/dpkg/status.d/red.md5sums' && \
  mkdir -p /a/node_modules/deep/package.json /b && yes '[' | head -c 3000000 >/b/package-lock.json && \
  yes 'a==1' | head -c 9000000 >/b/requirements.txt && mkfifo /b/go.mod && ln -s ../../../../../../etc/passwd /b/Cargo.lock
RUN echo made >/made
TEXT
timeout 60 tare build -q --network none -t app app >/dev/null
rm -rf good
tare copy -q --all store:app oci:good:app:latest >/dev/null
statements=$(for file in good/blobs/sha256/*; do jq -c 'select(._type?)' "$file" 2>/dev/null || true; done)
assert_contains "$statements" '"https://spdx.dev/Document"'
assert_contains "$statements" '/%5Cx1b%5B31mred@1'
assert_lacks "$statements" outside@
assert_lacks "$statements" '\u001b'
tare why app /made >out
not grep -q $'\x1b' out
