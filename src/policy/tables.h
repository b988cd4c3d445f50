// SPDX-License-Identifier: Apache-2.0
// Private to the room: the shapes of the tables that tools/gen-profiles makes, and the architecture
// that filters are for.
#pragma once

#include <linux/audit.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "sys/seccomp.h"

namespace tare::policy {

inline constexpr std::uint32_t kNoNumber = ~0u;  // Ends a list of numbers.

struct DefaultEntry {
  const std::uint32_t* numbers;
  std::span<const sys::ArgumentTest> tests;
  std::uint64_t needs;  // Capabilities that must all be kept, or the entry does not count.
  std::uint32_t action;
};

// The columns of profiles/seccomp/syscalls.txt, in its order.
enum class Abi : std::uint8_t {
  X86_64,
  I386,
  X32,
  Aarch64,
  Arm,
  Riscv64,
  S390x,
  Ppc64le,
  Loongarch64,
  Socketcall,  // These two are no ABIs: first arguments of socketcall and ipc.
  Ipc
};

struct AbiFacts {
  Abi abi;
  std::string_view name;       // In profiles.
  std::uint32_t architecture;  // AUDIT_ARCH_*
  bool bits32;  // Only the low halves of arguments count. [libseccomp, as runc uses it]
  bool big_endian;
  bool multiplexed;  // Has socketcall and ipc beside the calls themselves.
};
inline constexpr AbiFacts kAbis[] = {
    {Abi::X86_64, "SCMP_ARCH_X86_64", AUDIT_ARCH_X86_64, false, false, false},
    {Abi::I386, "SCMP_ARCH_X86", AUDIT_ARCH_I386, true, false, true},
    {Abi::X32, "SCMP_ARCH_X32", AUDIT_ARCH_X86_64, true, false, false},
    {Abi::Aarch64, "SCMP_ARCH_AARCH64", AUDIT_ARCH_AARCH64, false, false, false},
    {Abi::Arm, "SCMP_ARCH_ARM", AUDIT_ARCH_ARM, true, false, false},
    {Abi::Riscv64, "SCMP_ARCH_RISCV64", AUDIT_ARCH_RISCV64, false, false, false},
    {Abi::S390x, "SCMP_ARCH_S390X", AUDIT_ARCH_S390X, false, true, true},
    {Abi::Ppc64le, "SCMP_ARCH_PPC64LE", AUDIT_ARCH_PPC64LE, false, false, true},
    {Abi::Loongarch64, "SCMP_ARCH_LOONGARCH64", AUDIT_ARCH_LOONGARCH64, false, false, false},
};
inline const AbiFacts& facts_of(Abi abi) { return kAbis[static_cast<std::size_t>(abi)]; }
inline constexpr std::uint32_t kX32Bit = 0x40000000;  // [asm/unistd.h, __X32_SYSCALL_BIT]

// A system call of any architecture, by its place in the table of names; nullopt for unknown names.
using CallIndex = std::uint16_t;
std::optional<CallIndex> find_call(std::string_view name);
std::span<const std::string_view> call_names();  // By index.
// -1 where the ABI has no such call. x32's numbers are without bit 30.
std::int32_t number_of(CallIndex call, Abi abi);

// The rules of profiles/seccomp/default.json that count with these capabilities.
sys::SeccompPolicy default_policy(std::uint64_t capabilities);

#if defined(__x86_64__)
inline constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
inline constexpr Abi kNativeAbi = Abi::X86_64;
inline constexpr std::string_view kGoArchitecture = "amd64";
#elif defined(__aarch64__)
inline constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
inline constexpr Abi kNativeAbi = Abi::Aarch64;
inline constexpr std::string_view kGoArchitecture = "arm64";
#else
#error "Seccomp filters need this architecture's AUDIT_ARCH_ value and its names."
#endif

}  // namespace tare::policy
