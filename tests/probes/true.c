// SPDX-License-Identifier: Apache-2.0
// The least that a program can do: exit with status 0. Without a C library, so that a benchmark
// measures the start of the container and not of the program.
#include <sys/syscall.h>

void _start(void);  // NOLINT(bugprone-reserved-identifier): the name that the linker enters at.

void _start(void) {
#if defined(__x86_64__)
  __asm__ volatile("syscall" : : "a"((long)SYS_exit_group), "D"(0L) : "rcx", "r11", "memory");
#elif defined(__aarch64__)
  register long number __asm__("x8") = SYS_exit_group;
  register long status __asm__("x0") = 0;
  __asm__ volatile("svc 0" : : "r"(number), "r"(status) : "memory");
#else
#error "How does a system call look on this architecture?"
#endif
  __builtin_unreachable();
}
