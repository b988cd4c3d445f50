// SPDX-License-Identifier: Apache-2.0
// Seccomp filters: from rules to a BPF program. Our own compiler: numbers sorted, runs with the
// same action merged into intervals, found by binary search; argument checks are leaves.
// [seccomp(2), kernel Documentation/userspace-api/seccomp_filter.rst]
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstdint>
#include <span>
#include <vector>

#include "base/error.h"

namespace tare::sys {

enum class Compare : std::uint8_t {
  Equal,
  NotEqual,
  Less,
  LessEqual,
  Greater,
  GreaterEqual,
  Masked
};

struct ArgumentTest {
  unsigned index = 0;  // 0..5
  Compare compare = Compare::Equal;
  std::uint64_t value = 0;  // Masked: (argument & mask) == value.
  std::uint64_t mask = ~0ull;
  // Only the low 32 bits of the argument count: the kernel's prototype says int or unsigned, so
  // rubbish in the high bits must not slip past. [security rule: int arguments]
  bool low32 = false;
};

// For one system call number: if all tests hold, `action` applies. Several rules for a number are
// tried in order; with none that holds, the default applies.
struct SeccompRule {
  std::uint32_t number = 0;
  std::vector<ArgumentTest> tests;
  std::uint32_t action = 0;  // SECCOMP_RET_* with data.
};

// The rules of one ABI: an architecture, or x32, which shares its architecture with x86-64 and has
// bit 30 in its numbers.
struct SeccompPolicy {
  std::uint32_t architecture = 0;    // AUDIT_ARCH_*
  std::uint32_t default_action = 0;  // For known numbers without a rule that holds.
  std::uint32_t unknown_action = 0;  // For numbers above `highest_known`.
  std::uint32_t highest_known = 0;
  // For numbers with bit 30 of an AUDIT_ARCH_X86_64 that has no x32 policy beside it. Only -1,
  // which a tracer writes to skip a call, still gets the default. [seccomp(2), SECCOMP_RET_TRACE]
  std::uint32_t x32_action = SECCOMP_RET_KILL_PROCESS;
  bool x32 = false;
  bool big_endian = false;  // Which half of an argument comes first in memory.
  // libseccomp's meaning of several rules for a number: one without tests wins over all others,
  // wherever it stands. Otherwise they are tried in order.
  bool unconditional_wins = false;
  std::vector<SeccompRule> rules;
};

// One program for all `abis`, which must differ; any other architecture kills the process.
// Errors: Invalid (argument index, a number of another ABI, more than 4096 instructions).
Result<std::vector<sock_filter>> compile_seccomp(std::span<const SeccompPolicy> abis);
Result<std::vector<sock_filter>> compile_seccomp(const SeccompPolicy& policy);

}  // namespace tare::sys
