// SPDX-License-Identifier: Apache-2.0
// Runs a seccomp filter as the kernel would, and a policy as a person would read it, so that tests
// can compare. [kernel Documentation/networking/filter.rst; seccomp(2)]
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "sys/seccomp.h"

namespace tare::tests {

// The verdict, or nullopt when the program does what the kernel would refuse to load: an unknown
// instruction, a jump past the end, no RET.
inline std::optional<std::uint32_t> run_filter(std::span<const sock_filter> program,
                                               const seccomp_data& data) {
  std::uint32_t a = 0;
  for (std::size_t at = 0; at < program.size(); ++at) {
    const sock_filter& op = program[at];
    switch (op.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        if (op.k % 4 != 0 || op.k + 4 > sizeof data) return std::nullopt;
        std::memcpy(&a, reinterpret_cast<const char*>(&data) + op.k, 4);
        break;
      case BPF_ALU | BPF_AND | BPF_K:
        a &= op.k;
        break;
      case BPF_JMP | BPF_JA:
        at += op.k;
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
        at += a == op.k ? op.jt : op.jf;
        break;
      case BPF_JMP | BPF_JGT | BPF_K:
        at += a > op.k ? op.jt : op.jf;
        break;
      case BPF_JMP | BPF_JGE | BPF_K:
        at += a >= op.k ? op.jt : op.jf;
        break;
      case BPF_RET | BPF_K:
        return op.k;
      default:
        return std::nullopt;
    }
  }
  return std::nullopt;
}

inline bool holds(const sys::ArgumentTest& test, const seccomp_data& data) {
  std::uint64_t argument = data.args[test.index];
  std::uint64_t value = test.value;
  std::uint64_t mask = test.mask;
  if (test.low32) {
    argument &= 0xffffffff;
    value &= 0xffffffff;
    mask &= 0xffffffff;
  }
  switch (test.compare) {
    case sys::Compare::Equal:
      return argument == value;
    case sys::Compare::NotEqual:
      return argument != value;
    case sys::Compare::Less:
      return argument < value;
    case sys::Compare::LessEqual:
      return argument <= value;
    case sys::Compare::Greater:
      return argument > value;
    case sys::Compare::GreaterEqual:
      return argument >= value;
    case sys::Compare::Masked:
      return (argument & mask) == value;
  }
  return false;
}

// What sys/seccomp.h promises, word for word.
inline std::uint32_t read_policy(const sys::SeccompPolicy& policy, const seccomp_data& data) {
  if (data.arch != policy.architecture) return SECCOMP_RET_KILL_PROCESS;
  const auto number = static_cast<std::uint32_t>(data.nr);
  if (policy.architecture == 0xc000003e && !policy.x32 &&
      number >= 0x40000000)  // AUDIT_ARCH_X86_64
    return number == ~0u ? policy.default_action : policy.x32_action;
  bool has_rules = false;
  std::optional<std::uint32_t> verdict;
  for (const sys::SeccompRule& rule : policy.rules) {
    if (rule.number != number) continue;
    has_rules = true;
    if (rule.tests.empty() && policy.unconditional_wins) return rule.action;
    bool all = true;
    for (const sys::ArgumentTest& test : rule.tests) all = all && holds(test, data);
    if (all && !verdict) verdict = rule.action;
  }
  if (verdict) return *verdict;
  return has_rules || number <= policy.highest_known ? policy.default_action
                                                     : policy.unknown_action;
}

// Of several ABIs: the one that the call is of.
inline std::uint32_t read_policies(std::span<const sys::SeccompPolicy> abis,
                                   const seccomp_data& data) {
  const bool has_bit = static_cast<std::uint32_t>(data.nr) >= 0x40000000;
  const sys::SeccompPolicy* found = nullptr;
  for (const sys::SeccompPolicy& policy : abis)
    if (policy.architecture == data.arch && (found == nullptr || policy.x32 == has_bit))
      found = &policy;
  if (found == nullptr || (found->x32 && !has_bit)) return SECCOMP_RET_KILL_PROCESS;
  return read_policy(*found, data);
}

}  // namespace tare::tests
