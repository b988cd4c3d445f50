# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# Writes to /proc/sys, sysrq, /sys and their like are refused; kcore and the rest of the list are masked.
. "$TEST_LIB"
image_busybox

for path in /proc/sys/kernel/core_pattern /proc/sys/kernel/hostname /proc/sys/vm/drop_caches \
  /proc/sys/net/ipv4/ip_forward /proc/sysrq-trigger /proc/irq/default_smp_affinity \
  /sys/kernel/mm/transparent_hugepage/enabled /sys/power/state /proc/bus/pci/devices; do
  not busybox sh -c "[ -e $path ] && echo 1 >$path"
done
for path in /proc/kcore /proc/keys /proc/timer_list /proc/sched_debug /proc/latency_stats /proc/interrupts; do
  assert_eq "$(busybox sh -c "cat $path 2>/dev/null | head -c 10")" '' "content of $path"
done
for path in /proc/acpi /proc/scsi /sys/firmware /sys/devices/virtual/powercap; do
  assert_eq "$(busybox sh -c "ls $path 2>/dev/null")" '' "content of $path"
done
for attack in sysrq core-pattern kcore umount-proc remount-sys; do not probe attack '' $attack; done
# Not with every capability either: the paths stay as they are.
for attack in sysrq core-pattern kcore; do not probe attack '--cap-add ALL' $attack; done
