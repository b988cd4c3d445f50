# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2119,SC2164
# as: root user
# needs: skopeo python3
# A password belongs to one registry: it is not sent where that redirects to, nor to a token server on
# another site, and it is in no argument, environment or message. [CVE-2020-15157, CVE-2026-33540]
. "$TEST_LIB"
# shellcheck source=tests/registry.sh
. "$(dirname "$TEST_LIB")/registry.sh"

skopeo copy -q "docker-archive:$TEST_CACHE/busybox-docker.tar" "oci:$TMPDIR/layout:1"
log_in() {
  mkdir -p "$HOME/.docker"
  printf '{"auths":{"%s":{"auth":"%s"}}}' "$1" "$(printf 'ann:s3cret-word' | base64)" >"$HOME/.docker/config.json"
}
encoded=$(printf 'ann:s3cret-word' | base64)

# The thief serves the layers, behind a redirection from the registry that has our password.
start_liar --base "$TMPDIR/layout"
thief=$LIAR thief_log=$LIAR_LOG
start_liar --base "$TMPDIR/layout" --token "redirect=http://$thief"
log_in "$LIAR"
tare --debug pull "$LIAR/x:1" >"$TMPDIR/out" 2>&1
grep -q "^GET /token.* auth=Basic_$encoded" "$LIAR_LOG" || fail "the token server was not asked with the password"
grep -q '^GET /v2/x/manifests/.* auth=Bearer_secret-token' "$LIAR_LOG" || fail "the token was not used"
grep -q '^GET .*blobs' "$thief_log" || fail "the redirection was not followed"
assert_lacks "$(cat "$thief_log")" secret-token
assert_lacks "$(cat "$thief_log")" Basic
tare rmi "$LIAR/x:1" >/dev/null

# A token server on another site is not told the password.
start_liar --base "$TMPDIR/layout" "realm=http://localhost:${thief#*:}/token"
log_in "$LIAR"
exits 1 tare pull "$LIAR/x:1" >"$TMPDIR/out2" 2>&1
assert_contains "$(cat "$TMPDIR/out2")" 'another host and not encrypted'
start_liar --base "$TMPDIR/layout" "realm=https://thief.example/token"
log_in "$LIAR"
exits 1 tare pull "$LIAR/x:1" >>"$TMPDIR/out2" 2>&1
assert_contains "$(cat "$TMPDIR/out2")" 'the password is not sent there'
assert_lacks "$(cat "$thief_log")" "$encoded"

# Nobody who may look at our processes sees it.
start_liar --base "$TMPDIR/layout" --token
log_in "$LIAR"
tare pull -q --rate 200k "$LIAR/x:1" >/dev/null 2>&1 &
pull=$!
transfer() { pgrep -P $pull tare-transfer; }
eventually 10 transfer >/dev/null
pid=$(transfer)
seen=$(tr '\0' '\n' <"/proc/$pid/cmdline"; tr '\0' '\n' <"/proc/$pid/environ" 2>/dev/null || true)
assert_lacks "$seen" s3cret
assert_lacks "$seen" "$encoded"
# And what strangers can make of it is little: no capability, no new privilege.
assert_eq "$(sed -n 's/^CapEff:\t//p' "/proc/$pid/status")" 0000000000000000
assert_eq "$(sed -n 's/^CapBnd:\t//p' "/proc/$pid/status")" 0000000000000000
assert_eq "$(sed -n 's/^NoNewPrivs:\t//p' "/proc/$pid/status")" 1
kill $pull
wait $pull 2>/dev/null || true
assert_lacks "$(cat "$TMPDIR/out" "$TMPDIR/out2")" s3cret
assert_lacks "$(cat "$TMPDIR/out" "$TMPDIR/out2")" "$encoded"
