# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# Attributes that speak to the kernel or to overlayfs are not taken from a layer.
# needs: getfattr
. "$TEST_LIB"

hostile evil:1 'xattr:o1=trusted.overlay.redirect=/etc' 'xattr:o2=user.overlay.redirect=/etc' \
  'xattr:o3=trusted.overlay.opaque=y' 'xattr:s=security.selinux=system_u' 'xattr:fine=user.mine=kept' || exit 0
bad=$(getfattr -R -h -d -m 'overlay\.(redirect|opaque)|security\.selinux' "$TARE_ROOT" 2>/dev/null | grep -A 3 -E '/(o1|o2|o3|s)$' || true)
assert_eq "$bad" ''
