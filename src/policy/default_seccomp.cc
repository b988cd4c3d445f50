// SPDX-License-Identifier: Apache-2.0
#include <linux/capability.h>
#include <linux/seccomp.h>

#include <algorithm>
#include <cerrno>

#include "policy/policy.h"
#include "policy/tables.h"

namespace tare::policy {
namespace {
#include "policy/seccomp_default.inc"
}  // namespace

sys::SeccompPolicy default_policy(std::uint64_t capabilities) {
  sys::SeccompPolicy policy{.architecture = kArchitecture,
                            .default_action = kDefaultAction,
                            .unknown_action = kDefaultAction,
                            .x32_action = kDefaultAction};
  policy.rules.reserve(512);
  for (const DefaultEntry& entry : kDefaultEntries) {
    if ((entry.needs & ~capabilities) != 0) continue;
    for (const std::uint32_t* number = entry.numbers; *number != kNoNumber; ++number) {
      policy.rules.push_back({*number, {entry.tests.begin(), entry.tests.end()}, entry.action});
      policy.highest_known = std::max(policy.highest_known, *number);
    }
  }
  return policy;
}

Result<std::vector<sock_filter>> default_seccomp(std::uint64_t capabilities) {
  return sys::compile_seccomp(default_policy(capabilities));
}

}  // namespace tare::policy
