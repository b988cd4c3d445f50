# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# A Dockerfile with stages becomes an image: files, owners, config and history are what it says, and no
# other image is there afterwards.
. "$TEST_LIB"
image_busybox
mkdir -p app/src
echo 'one' >app/src/one.txt
echo 'two' >app/src/two.txt
ln -s one.txt app/src/link
printf '#!/bin/sh\necho script\n' >app/start.sh
chmod 755 app/start.sh
cat >app/Dockerfile <<'TEXT'
ARG BASE=busybox
FROM ${BASE} AS maker
ARG WHO=nobody
WORKDIR /job
COPY src/ ./
RUN cat one.txt two.txt >both && echo "for $WHO" >who && mkdir empty && ln both hard && chown 33:33 who
RUN rm two.txt && mkfifo pipe && chmod 4755 who

FROM busybox AS unused
RUN false

FROM ${BASE}
LABEL org.example.kind="a test" other=1
ENV GREETING="hello world" PLACE=/srv
COPY --from=maker /job $PLACE/job/
COPY --chown=www-data:33 --chmod=640 src/one.txt /srv/given
COPY start.sh src/two.txt /opt/
COPY <<TEXT2 <<"RAW" /etc/made/
$GREETING
TEXT2
$GREETING
RAW
WORKDIR sub/dir
USER www-data
EXPOSE 80 443/tcp
VOLUME /data
STOPSIGNAL SIGINT
HEALTHCHECK --interval=5s CMD true
ENTRYPOINT ["/bin/sh", "-c"]
CMD ["/opt/start.sh"]
TEXT
tare build --network none --build-arg WHO=me -t app:1 -t app:other app 2>log || fail "$(cat log)"
assert_contains "$(cat log)" 'DONE'
assert_lacks "$(cat log)" unused
assert_eq "$(tare run --rm --network none app:1)" script
inside() { tare run --rm --network none --entrypoint /bin/sh -u 0 app:1 -c "$1"; }
assert_eq "$(inside 'cd /srv/job && cat both who && ls')" $'one\ntwo\nfor me\nboth\nempty\nhard\nlink\none.txt\npipe\nwho'
assert_eq "$(inside 'stat -c "%a %u:%g" /srv/given /srv/job/who /srv/job/one.txt /opt/start.sh')" \
  $'640 33:33\n4755 33:33\n644 0:0\n755 0:0'
assert_eq "$(inside 'readlink /srv/job/link; stat -c %h /srv/job/both; stat -c %F /srv/job/pipe')" $'one.txt\n2\nfifo'
assert_eq "$(inside 'cat /etc/made/TEXT2 /etc/made/RAW; pwd; echo $GREETING')" $'hello world\n$GREETING\n/sub/dir\nhello world'
assert_eq "$(tare inspect --format '{{.Config.User}} {{.Config.WorkingDir}} {{.Config.StopSignal}} {{index .Config.Labels "org.example.kind"}}' app:1)" \
  'www-data /sub/dir SIGINT a test'
assert_eq "$(tare inspect --format '{{json .Config.ExposedPorts}}{{json .Config.Volumes}}{{json .Config.Cmd}}' app:1)" \
  '{"443/tcp":{},"80/tcp":{}}{"/data":{}}["/opt/start.sh"]'
# The layer of a step is what it changed, and nothing that the engine needs for running it.
tare save app:1 -o app.tar
mkdir image
tar -C image -xf app.tar
for layer in $(jq -r '.[0].Layers[]' image/manifest.json | tail -n +2); do tar -tf "image/$layer"; done >files
for engines in resolv.conf hostname proc/ dev/ sys/; do assert_lacks "$(cat files)" "$engines"; done
# Nothing but the base and the result, by its two names.
assert_eq "$(tare images -a --format '{{.Repository}}' | sort | uniq | tr '\n' ' ')" 'app busybox '
assert_eq "$(tare ps -aq)" ''
# One with a target; the id, and nothing else, to standard output.
id=$(tare build -q --network none --target maker --iidfile id app 2>/dev/null)
assert_matches "$id" '^sha256:[0-9a-f]{64}$'
assert_eq "$(cat id)" "$id"

# A local archive is unpacked by ADD, with its owners and links, wherever its names lead; COPY leaves it alone.
mkdir -p more tree/dir
echo in-archive >tree/dir/file
ln tree/dir/file tree/hard
ln -s dir/file tree/link
ln -s /etc tree/etc-link
tar -C tree -czf more/tree.tar.gz --owner=33 --group=33 .
tar -C tree -cf more/evil.tar --transform='s,^dir/file,../../../over/here,' -P dir/file
gzip -c tree/dir/file >more/plain.gz
cat >more/Dockerfile <<'TEXT'
FROM busybox
ADD tree.tar.gz /a/
ADD evil.tar plain.gz /b/
ADD --unpack=false evil.tar /c/
COPY tree.tar.gz /d/
ADD --chown=1:1 tree.tar.gz /e/
TEXT
tare build -q --network none -t more more >/dev/null
more() { tare run --rm --network none more sh -c "$1"; }
assert_eq "$(more 'cat /a/link; stat -c "%u %h" /a/hard; readlink /a/etc-link; stat -c %u /e/dir/file')" $'in-archive\n33 2\n/etc\n1'
assert_eq "$(more 'find /b /c /d -type f | sort | tr "\n" " "')" '/b/over/here /b/plain.gz /c/evil.tar /d/tree.tar.gz '

# A named context is a place of its own; its owners here mean nothing.
mkdir side
echo aside >side/file
chown 1:1 side/file 2>/dev/null || true
printf 'FROM busybox\nCOPY --from=side file /file\nRUN --mount=type=bind,from=side,target=/s stat -c %%u /s/file >/owner\n' |
  tare build -q --network none --build-context side=side -t side -f - more >/dev/null
assert_eq "$(tare run --rm --network none side sh -c 'stat -c %u /file; cat /owner /file')" $'0\n0\naside'
