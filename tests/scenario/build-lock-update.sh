# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016
# A lock pins the image of FROM from a registry, whatever its name means now; `lock update` moves one entry, and
# tells which packages that changes; --pull moves all. ADD is compared with the lock.
# as: root
# network: outside
# needs: jq
. "$TEST_LIB"
# shellcheck source=tests/registry.sh
. "$(dirname "$TEST_LIB")/registry.sh"
