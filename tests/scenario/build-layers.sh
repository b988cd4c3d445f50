# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# needs: jq
# However many layers the steps of a build come in, the files are the same, and the history tells which
# entries have one. What one step makes and another removes is in no layer that both are in.
. "$TEST_LIB"
image_busybox
mkdir app
echo one >app/one
echo two >app/two
cat >app/Dockerfile <<'TEXT'
FROM base
RUN mkdir -p /a/b/c /gone/deep /again && echo secret >/a/b/secret && echo x >/gone/deep/x && echo old >/again/old && \
    echo h >/a/h1 && ln /a/h1 /a/h2 && ln -s b /a/link && mkfifo /a/pipe && head -c 100000 /dev/zero >/a/large
RUN rm /a/b/secret && rm -r /gone && rm -r /again && mkdir /again && echo new >/again/new && rm /bin/vi && \
    rm -r /var/spool && mkdir -m 700 /var/spool && chmod 4711 /a/large && ln /a/h1 /a/h3 && chown 5:6 /a/b
WORKDIR /place
COPY one /place/
RUN cp one three && rm one && rm -rf /etc/init.d && ln -s /place/three /etc/init.d
COPY two /place/
COPY one /place/four
LABEL a=b
TEXT
build() { tare build --network none "$@" 2>log || fail "$(cat log)"; }
printf 'FROM busybox\nRUN mkdir -p /var/spool/cron /etc/init.d && touch /var/spool/old /etc/init.d/a\n' |
  build --squash-all -t base -
# All that is there, as a container sees it.
listing() {
  tare run --rm --network none "$1" sh -c '
    find / -xdev -path /proc -prune -o -path /sys -prune -o -path /dev -prune -o -path /run -prune -o -path /etc/hosts -prune \
      -o -path /etc/hostname -prune -o -path /etc/resolv.conf -prune -o -print | sort | while read -r name; do
      stat -c "%n %F %a %u:%g %h %s %Y" "$name"; [ ! -f "$name" ] || [ -h "$name" ] || md5sum <"$name"; done' |
    grep -vE '^/(etc)? directory' # Changed by the container's start.
}
layers() { tare inspect --format '{{len .RootFS.Layers}}' "$1"; }
# Docker's own way to count: entries of the history that are not empty.
with_layer() { tare save "$1" | tar -xOf - "$(tare save "$1" | tar -xOf - manifest.json | jq -r '.[0].Config')" | jq '[.history[] | select(.empty_layer | not)] | length'; }
members() {
  rm -rf saved && mkdir saved && tare save "$1" | tar -C saved -xf -
  for layer in $(jq -r '.[0].Layers[]' saved/manifest.json | tail -n +2); do tar -tf "saved/$layer"; done
}

build --layer-per-step -t steps app
assert_eq "$(layers steps)" 8
assert_contains "$(members steps)" a/b/secret
listing steps >steps.list
assert_lacks "$(cat steps.list)" secret
assert_contains "$(cat steps.list)" 'four'

for how in few squash squash-all; do
  option=--$how
  [ $how != few ] || option=--label=b=c
  build $option -t $how app
  listing $how >$how.list
  diff steps.list $how.list || fail "other files with $how"
  assert_eq "$(with_layer $how)" "$(layers $how)" "layers in the history of $how"
  # Again: the same, and nothing is merged.
  id=$(tare images -q --no-trunc $how)
  records=$(ls "$TARE_ROOT/steps")
  build $option -t $how app
  assert_eq "$(tare images -q --no-trunc $how)" "$id"
  assert_eq "$(ls "$TARE_ROOT/steps")" "$records"
done
# Packages, what the application needs, the application.
assert_eq "$(layers few) $(layers squash) $(layers squash-all)" '4 2 1'
assert_lacks "$(members few)" a/b/secret
assert_lacks "$(members few)" gone
assert_contains "$(members few)" bin/.wh.vi
assert_contains "$(members few)" var/spool/.wh..wh..opq
assert_lacks "$(members squash)" .wh.one
# It is in nothing but the bytes: made anew, they are the same.
before=$(tare images -q --no-trunc squash)
build --no-cache --squash -t squash app
assert_eq "$(tare images -q --no-trunc squash)" "$before"

# Marks.
sed -e '/^RUN rm/,/chown/{/chown/a LAYER system
}' -e '/^COPY two/a LAYER' app/Dockerfile >app/Marked
build -f app/Marked -t marked app
assert_eq "$(layers marked)" 4
listing marked >marked.list
diff steps.list marked.list || fail 'other files with marks'
assert_eq "$(with_layer marked)" 4
# A stage on another's, and steps that come to nothing.
printf 'FROM busybox AS one\nRUN touch /x\nFROM one\nRUN rm /x\nRUN true\n' | build --squash -t empty -
assert_eq "$(layers empty) $(with_layer empty)" '1 1'
assert_eq "$(tare run --rm --network none empty ls /x 2>&1)" 'ls: /x: No such file or directory' || true
