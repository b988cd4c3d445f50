# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# Device nodes in a layer are not devices in the container.
. "$TEST_LIB"

hostile evil:1 "chr:kmsg=1,11" "blk:disk=254,0" "blk:sda=8,0" "chr:mem=1,1" "fifo:pipe" || exit 0
for node in kmsg disk sda mem; do
  not tare run --rm --network none evil:1 dd if=/$node of=/dev/null bs=1 count=1
  not tare run --rm --network none --cap-add MKNOD evil:1 dd if=/$node of=/dev/null bs=1 count=1
done
find "$TARE_ROOT" -xdev \( -type b -o -type c \) ! -path '*/.wh*' -printf '%p %D\n' >nodes 2>/dev/null || true
assert_eq "$(cat nodes)" '' 'device nodes below the store'
