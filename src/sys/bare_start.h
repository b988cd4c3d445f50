// SPDX-License-Identifier: Apache-2.0
// Where a program without a C library starts. Included once, by its main.cc, which defines
// bare_main; linked with -nostdlib. The compiler may call mem* for any loop or copy, so they are
// here.
#pragma once

#include <elf.h>

#include "sys/bare.h"

// Returns the exit status.
int bare_main(int argc, char** argv, char** envp);

// This header is half of a program and not shared by several, and its names are the compiler's.
// NOLINTBEGIN(misc-definitions-in-headers, readability-identifier-naming)
extern "C" {

// The canary of -fstack-protector with -mstack-protector-guard=global.
std::uintptr_t __stack_chk_guard = 0;
[[noreturn]] void __stack_chk_fail() {
  for (;;) tare::bare::call(__NR_kill, tare::bare::call(__NR_getpid), SIGABRT);
}

void* memcpy(void* to, const void* from, std::size_t size) {
#if defined(__x86_64__)
  void* at = to;
  asm volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(size) : : "memory");
#else
  for (std::size_t i = 0; i < size; ++i)
    static_cast<volatile char*>(to)[i] = static_cast<const char*>(from)[i];
#endif
  return to;
}

void* memmove(void* to, const void* from, std::size_t size) {
  if (reinterpret_cast<std::uintptr_t>(to) - reinterpret_cast<std::uintptr_t>(from) >= size)
    return memcpy(to, from, size);
  for (std::size_t i = size; i-- > 0;)
    static_cast<volatile char*>(to)[i] = static_cast<const char*>(from)[i];
  return to;
}

void* memset(void* to, int value, std::size_t size) {
#if defined(__x86_64__)
  void* at = to;
  asm volatile("rep stosb" : "+D"(at), "+c"(size) : "a"(value) : "memory");
#else
  for (std::size_t i = 0; i < size; ++i)
    static_cast<volatile unsigned char*>(to)[i] = static_cast<unsigned char>(value);
#endif
  return to;
}

int memcmp(const void* a, const void* b, std::size_t size) {
  const auto* x = static_cast<const volatile unsigned char*>(a);
  const auto* y = static_cast<const volatile unsigned char*>(b);
  for (std::size_t i = 0; i < size; ++i)
    if (x[i] != y[i]) return x[i] - y[i];
  return 0;
}

// `stack` is what the kernel leaves: argc, argv, envp, auxiliary vector. [execve(2), getauxval(3)]
__attribute__((used, noreturn, no_stack_protector)) void tare_bare_start(long* stack) {
  const int argc = static_cast<int>(stack[0]);
  char** argv = reinterpret_cast<char**>(stack + 1);
  char** envp = argv + argc + 1;
  char** end = envp;
  while (*end != nullptr) ++end;
  for (auto* aux = reinterpret_cast<Elf64_auxv_t*>(end + 1); aux->a_type != AT_NULL; ++aux)
    if (aux->a_type == AT_RANDOM)
      __stack_chk_guard = *reinterpret_cast<std::uintptr_t*>(aux->a_un.a_val) & ~0xfful;
  tare::bare::exit(bare_main(argc, argv, envp));
}

}  // extern "C"
// NOLINTEND(misc-definitions-in-headers, readability-identifier-naming)

#if defined(__x86_64__)
asm(".text\n.globl _start\n.type _start,@function\n_start:\n"
    "xor %ebp, %ebp\nmov %rsp, %rdi\nand $-16, %rsp\ncall tare_bare_start\nhlt\n");
#elif defined(__aarch64__)
asm(".text\n.globl _start\n.type _start,@function\n_start:\n"
    "mov x29, #0\nmov x0, sp\nbl tare_bare_start\nbrk #0\n");
#endif
