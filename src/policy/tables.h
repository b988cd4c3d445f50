// SPDX-License-Identifier: Apache-2.0
// Private to the room: the shapes of the tables that tools/gen-profiles makes, and the architecture
// that filters are for.
#pragma once

#include <linux/audit.h>

#include <cstdint>
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

struct NamedNumber {
  std::string_view name;
  std::uint32_t number;
};

// Every system call of this architecture that the build knew, by name.
std::span<const NamedNumber> system_calls();

// The rules of profiles/seccomp/default.json that count with these capabilities.
sys::SeccompPolicy default_policy(std::uint64_t capabilities);

#if defined(__x86_64__)
inline constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
inline constexpr std::string_view kSeccompArchitecture = "SCMP_ARCH_X86_64";
inline constexpr std::string_view kGoArchitecture = "amd64";
#elif defined(__aarch64__)
inline constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
inline constexpr std::string_view kSeccompArchitecture = "SCMP_ARCH_AARCH64";
inline constexpr std::string_view kGoArchitecture = "arm64";
#else
#error "Seccomp filters need this architecture's AUDIT_ARCH_ value and its names."
#endif

}  // namespace tare::policy
