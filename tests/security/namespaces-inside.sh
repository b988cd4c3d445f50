# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2016,SC2116
# Inside: no new user or mount namespace, no mount, no bpf, no modules, no raw sockets.
. "$TEST_LIB"
image_busybox

for attack in userns mountns mount fsopen bpf module kexec reboot add-key keyctl handle mknod vsock \
  release-agent raw-socket; do
  not probe attack '' $attack
  not probe attack '-u 1000' $attack
done
for attack in module kexec reboot release-agent; do not probe attack '--cap-add ALL' $attack; done
not probe attack '' ptrace-parent
not probe attack '' chroot-out
