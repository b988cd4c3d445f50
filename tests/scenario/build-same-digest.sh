# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# The same inputs give the same image: in another store, from files made in another order and at other
# times, with another umask, from another directory.
. "$TEST_LIB"
cat >Dockerfile <<'TEXT'
FROM busybox
COPY . /app/
RUN date >/dev/null; for i in 3 1 2; do echo $i >/tmp/$i; done; mkdir -p /var/made; touch /var/made/now; \
    hostname >/etc/where; ls -la /app >/dev/null; ln /tmp/1 /var/made/same
WORKDIR /made/here
TEXT
image_busybox
mkdir one
for name in a b c; do echo $name >one/$name; done
cp Dockerfile one/
first=$(tare build -q --network none one)
export TARE_ROOT=$TEST_DIR/other-root
image_busybox
mkdir -p two/deep
for name in c b a; do
  echo $name >two/deep/$name
  touch -d '2001-02-03 04:05:06' two/deep/$name
done
cp Dockerfile two/deep/
second=$(umask 077; tare build -q --network none two/deep)
assert_eq "$second" "$first" 'the id of the second image'
# A time that is asked for is that of all that is made.
tare build -q --network none --build-arg SOURCE_DATE_EPOCH=1000000000 -t dated two/deep >/dev/null
assert_eq "$(tare run --rm --network none dated stat -c %Y /var/made/now /app/a /made/here)" \
  $'1000000000\n1000000000\n1000000000'
assert_eq "$(tare inspect --format '{{.Created}}' dated)" 2001-09-09T01:46:40Z
