# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# -e and --env-file: values, names alone, comments, and what every container has.
. "$TEST_LIB"
image_busybox

assert_eq "$(tare run --rm --network none -e A=1 -e 'B=two words' busybox sh -c 'echo "$A,$B"')" '1,two words'
assert_eq "$(HOSTVAR=x tare run --rm --network none -e HOSTVAR -e UNSET_ONE busybox \
  sh -c 'echo "$HOSTVAR,${UNSET_ONE-not there}"')" 'x,not there'
printf '# a comment\nC=from file\n\nHOSTVAR\nD=a=b\n' >vars
assert_eq "$(HOSTVAR=y tare run --rm --network none --env-file vars -e C=later busybox \
  sh -c 'echo "$C,$HOSTVAR,$D"')" 'later,y,a=b'
assert_eq "$(busybox sh -c 'echo $PATH')" /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
assert_eq "$(busybox sh -c 'echo $HOME')" /root
assert_eq "$(tare run --rm --network none -u www-data busybox sh -c 'echo $HOME')" /var/www
# Nothing of the caller's environment comes along by itself.
assert_eq "$(SECRET=x busybox sh -c 'echo ${SECRET-none}')" none
exits 125 tare run --rm --network none --env-file no-such-file busybox true
printf 'bad name=1\n' >vars
exits 125 tare run --rm --network none --env-file vars busybox true
