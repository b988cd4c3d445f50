# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2034,SC2120
# Registries for tests, on free ports of the loopback device: . "$(dirname "$TEST_LIB")/registry.sh"
# They are children of the script, which ends them: no process stays.

REGISTRY_PIDS=()

# start_registry [CONFIG_LINES]: Debian's docker-registry; sets REGISTRY (host:port), REGISTRY_DIR and
# REGISTRY_PID. What is given is added to the section "http:" and below.
start_registry() {
  REGISTRY_DIR=$(mktemp -d "$TMPDIR/registry.XXXXXX")
  start_registry_again 127.0.0.1:0 "${1-}"
}

# The same one once more, at an address.
start_registry_again() {
  cat >"$REGISTRY_DIR/config.yml" <<YAML
version: 0.1
log: {level: info, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $REGISTRY_DIR/data}, delete: {enabled: true}}
http:
  addr: $1
${2-}
YAML
  docker-registry serve "$REGISTRY_DIR/config.yml" >"$REGISTRY_DIR/log" 2>&1 &
  REGISTRY_PID=$!
  REGISTRY_PIDS+=("$REGISTRY_PID")
  eventually 10 grep -q 'listening on' "$REGISTRY_DIR/log"
  REGISTRY=$(sed -n 's/.*listening on \([0-9.]*:[0-9]*\).*/\1/p' "$REGISTRY_DIR/log" | head -1)
}

# start_tool NAME ARGUMENTS...: a server of tests/tools; sets TOOL (host:port) and TOOL_LOG.
start_tool() {
  local name=$1
  shift
  TOOL_LOG=$(mktemp "$TMPDIR/$name.XXXXXX")
  "$(dirname "$TEST_LIB")/tools/$name" "$@" >"$TOOL_LOG" 2>&1 &
  REGISTRY_PIDS+=("$!")
  eventually 10 grep -q '^listening on' "$TOOL_LOG"
  TOOL=$(sed -n 's/^listening on //p' "$TOOL_LOG" | head -1)
}

# start_liar ARGUMENTS...: a server of ours that does what its arguments say (tests/tools/liar); sets
# LIAR (host:port) and LIAR_LOG.
start_liar() {
  start_tool liar "$@"
  LIAR=$TOOL LIAR_LOG=$TOOL_LOG
}

# make_authority: ca.crt and ca.key in the working directory. make_certificate NAME [EXTENSIONS]: NAME.crt
# and NAME.key, signed by it.
make_authority() {
  openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test-ca -keyout ca.key -out ca.crt 2>/dev/null
}
make_certificate() {
  openssl req -newkey rsa:2048 -nodes -subj "/CN=$1" -keyout "$1.key" -out "$1.csr" 2>/dev/null
  openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 \
    -extfile <(echo "${2-}") -out "$1.crt" 2>/dev/null
}

end_registries() {
  local status=$?
  # A job that has ended already is fine.
  [ ${#REGISTRY_PIDS[@]} = 0 ] || kill -KILL "${REGISTRY_PIDS[@]}" 2>/dev/null || true
  wait 2>/dev/null || true
  set +e
  (exit $status)
  clean_up
}
trap end_registries EXIT
