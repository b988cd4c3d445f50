# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# A static site: pages made by a stage from what .dockerignore leaves, nginx as an ordinary user.
# as: root user
# network: host
# needs: curl
. "$TEST_LIB"
. "$(dirname "$TEST_LIB")/corpus.sh"
corpus_mirror
image_busybox
corpus_build static-site
tare run -d --name c --network none --read-only --tmpfs /tmp static-site >/dev/null
eventually 30 answers c 8080 /
assert_contains "$(cat answer)" '<h1>Start</h1>'
assert_contains "$(cat answer)" '<p>Welcome to the site.</p>'
assert_contains "$(cat answer)" '<footer>the end</footer>'
assert_contains "$(ask c 8080 /blog/first.html)" '<h1>First</h1>'
assert_contains "$(ask c 8080 /style.css)" teal
not tare run --rm --network container:c busybox wget -q -O - http://127.0.0.1:8080/blog/draft-second.html 2>/dev/null
eventually 10 logs_contain c 'GET /blog/first.html'
assert_eq "$(tare exec c sh -c 'id -un; find /var/www/html -type f | sort')" \
  $'www-data\n/var/www/html/blog/first.html\n/var/www/html/index.html\n/var/www/html/missing.html\n/var/www/html/style.css'
tare stop -t 20 c >/dev/null
assert_eq "$(tare inspect --format '{{.State.ExitCode}} {{.Config.StopSignal}}' c)" '0 SIGQUIT'
eventually 250 corpus_emptied
