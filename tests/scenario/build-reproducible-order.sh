# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# as: root user
# build --check-reproducible names steps that depend on the order in which directories list their files, or on
# numbers of inodes.
. "$TEST_LIB"
image_busybox
mkdir context
cat >context/Dockerfile <<'TEXT'
FROM busybox
RUN mkdir -p /etc/many/deep; cd /etc/many; for i in $(seq 40); do echo $i >file-$i; echo $i >deep/file-$i; done
TEXT
tare build -q --network none -t many context >/dev/null
for command in 'find /etc/many' 'stat -c %i /etc/many/file-7' 'ls -i /bin/busybox'; do
  printf 'FROM many\nRUN %s >/seen\n' "$command" >context/Dockerfile
  if tare build -q --network none --check-reproducible context >/dev/null 2>errors; then fail "reproducible: $command"; fi
  assert_contains "$(cat errors)" "'/seen' differs"
done
# Everything is there, links too, can be changed and removed; who sorts is not disturbed.
cat >context/Dockerfile <<'TEXT'
FROM many
RUN find /etc/many /bin -print -exec stat -c '%n %a %u %Y %F' {} + | sort >/seen; find /etc/many /bin -type f -exec stat -c '%n %s %h' {} + | sort >>/seen; cat /etc/many/deep/* | sort >>/seen; ls /bin >>/seen
RUN rm -r /etc/many/deep && mv /etc/many/file-1 /etc/many/moved && ln /etc/many/file-2 /etc/linked && rm /bin/wget && test ! -e /bin/wget
TEXT
tare build -q --network none --check-reproducible context >/dev/null 2>errors || fail "$(cat errors)"
