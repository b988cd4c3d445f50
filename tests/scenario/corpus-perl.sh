# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# A Debian with an application in Perl: tests in a stage, a user of its own, entry point and default words.
# as: root
. "$TEST_LIB"
. "$(dirname "$TEST_LIB")/corpus.sh"
corpus_debian
cp -r "$CORPUS/perl-app" .
tare build --progress plain --network none -t words perl-app 2>log || fail "$(cat log)"
assert_contains "$(cat log)" 'ok 1'
assert_eq "$(tare run --rm --network none words)" 'usage: words <TEXT'
assert_eq "$(echo 'one two Two' | tare run -i --rm --network none words count)" $'two 2\none 1'
assert_eq "$(tare run --rm --network none --entrypoint sh words -c 'id -un; pwd; stat -c "%a %U" /var/cache/words')" \
  $'reader\n/home/reader\n700 reader'
eventually 200 corpus_emptied
