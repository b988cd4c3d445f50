# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# The keeper and the init program with plain processes instead of a container: tests/keeper/run.
# as: root user
# needs: python3
. "$TEST_LIB"

chmod 1777 "$TMPDIR"  # Some cases become another user.
"$(dirname "$TEST_LIB")/keeper/run" "$(dirname "$TEST_PROBES")/bin"
