// SPDX-License-Identifier: Apache-2.0
// Our compiler against libseccomp's, on policies that both can express: libseccomp cannot order
// rules of one number with different actions, and compares 64 bits unless masked.
#include <doctest/doctest.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <unistd.h>

#include <cerrno>
#include <set>

#include "policy/policy.h"
#include "policy/tables.h"
#include "sys/fd.h"
#include "tests/seccomp/bpf_machine.h"
#include "tests/seccomp/random_policy.h"

using namespace tare;
using namespace tare::tests;

namespace {

scmp_arg_cmp translate(const sys::ArgumentTest& test) {
  static constexpr std::array kOperators = {SCMP_CMP_EQ,       SCMP_CMP_NE, SCMP_CMP_LT,
                                            SCMP_CMP_LE,       SCMP_CMP_GT, SCMP_CMP_GE,
                                            SCMP_CMP_MASKED_EQ};
  const std::uint64_t bits = test.low32 ? 0xffffffffull : ~0ull;
  if (test.compare == sys::Compare::Masked)
    return {test.index, SCMP_CMP_MASKED_EQ, test.mask & bits, test.value & bits};
  if (test.low32) return {test.index, SCMP_CMP_MASKED_EQ, bits, test.value & bits};
  return {test.index, kOperators[static_cast<std::size_t>(test.compare)], test.value, 0};
}

std::vector<sock_filter> by_libseccomp(std::uint32_t default_action,
                                       const std::vector<sys::SeccompRule>& rules) {
  scmp_filter_ctx context = seccomp_init(default_action);
  REQUIRE(context != nullptr);
  REQUIRE(seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0);
  for (const sys::SeccompRule& rule : rules) {
    std::vector<scmp_arg_cmp> tests;
    for (const sys::ArgumentTest& test : rule.tests) tests.push_back(translate(test));
    const int rc = seccomp_rule_add_exact_array(context, rule.action, static_cast<int>(rule.number),
                                                static_cast<unsigned>(tests.size()), tests.data());
    REQUIRE((rc == 0 || rc == -EEXIST));
  }
  const sys::Fd file = sys::make_memfd("libseccomp").value();
  REQUIRE(seccomp_export_bpf(context, file.get()) == 0);
  seccomp_release(context);
  REQUIRE(::lseek(file.get(), 0, SEEK_SET) == 0);
  const std::string bytes = sys::read_all(file.get(), 1 << 20).value();
  std::vector<sock_filter> program(bytes.size() / sizeof(sock_filter));
  std::memcpy(program.data(), bytes.data(), bytes.size());
  return program;
}

std::vector<std::uint32_t> interesting_numbers() {
  std::vector<std::uint32_t> numbers;
  for (std::uint32_t number = 0; number <= 600; ++number) numbers.push_back(number);
  return numbers;
}

// libseccomp refuses two tests of one argument in a rule, and has no 32 bit comparison but
// equality.
sys::SeccompRule random_rule(Dice& dice, std::uint32_t number, std::uint32_t action) {
  sys::SeccompRule rule{.number = number, .action = action};
  std::set<unsigned> used;
  for (std::size_t tests = 1 + dice.below(3); tests > 0; --tests) {
    sys::ArgumentTest test = random_test(dice);
    if (test.compare == sys::Compare::Masked)
      test.value &= test.mask;
    else if (test.low32)
      test.compare = sys::Compare::Equal;
    if (used.insert(test.index).second) rule.tests.push_back(test);
  }
  return rule;
}

}  // namespace

TEST_CASE("random policies: same verdicts as libseccomp") {
  Dice dice(3);
  for (int round = 0; round < 25; ++round) {
    sys::SeccompPolicy policy{.architecture = policy::kArchitecture,
                              .default_action = SECCOMP_RET_ERRNO | ENOSYS,
                              .unknown_action = SECCOMP_RET_ERRNO | ENOSYS};
    std::set<std::uint32_t> numbers;
    for (int i = 0; i < 100; ++i) numbers.insert(static_cast<std::uint32_t>(dice.below(450)));
    for (const std::uint32_t number : numbers) {
      const std::uint32_t action =
          dice.one_in(2) ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | (1 + dice.below(3));
      if (dice.one_in(3)) {
        policy.rules.push_back({number, {}, action});
      } else if (dice.one_in(2)) {
        policy.rules.push_back(random_rule(dice, number, action));
      } else {
        // No mixed alternatives: libseccomp 2.5.4 merges the trees of `a4 == X` and `a1 <= Y and
        // a4 != X` so that the second is lost. (Compared with a plain reading of the rules.)
        for (std::size_t i = 2 + dice.below(3); i > 0; --i)
          policy.rules.push_back({number, {{.index = 2, .value = dice.word()}}, action});
      }
    }
    const auto ours = sys::compile_seccomp(policy).value();
    const auto theirs = by_libseccomp(policy.default_action, policy.rules);
    for (const std::uint32_t number : interesting_numbers())
      for (int tries = 0; tries < 6; ++tries) {
        seccomp_data data = random_call(dice, policy, number);
        if (dice.one_in(50)) data.arch = AUDIT_ARCH_I386;
        REQUIRE(run_filter(ours, data).value() == run_filter(theirs, data).value());
      }
  }
}

TEST_CASE("the default profile: same verdicts as libseccomp") {
  Dice dice(4);
  for (const std::uint64_t capabilities :
       {std::uint64_t{0}, policy::default_capabilities(), policy::parse_capability("ALL").value(),
        std::uint64_t{1} << CAP_SYS_ADMIN, std::uint64_t{1} << CAP_NET_ADMIN}) {
    const sys::SeccompPolicy policy = policy::default_policy(capabilities);
    const auto ours = policy::default_seccomp(capabilities).value();
    for (const std::uint32_t number : interesting_numbers()) {
      // One filter a number, with the action of its first rule against everything else.
      std::vector<sys::SeccompRule> rules;
      std::uint32_t action = policy.default_action;
      for (const sys::SeccompRule& rule : policy.rules) {
        if (rule.number != number) continue;
        if (rules.empty()) action = rule.action;
        if (rule.action == action) rules.push_back(rule);
        if (rule.tests.empty()) break;
      }
      constexpr std::uint32_t kOther = SECCOMP_RET_ERRNO | 4000;
      const auto theirs = by_libseccomp(kOther, rules);
      for (int tries = 0; tries < 6; ++tries) {
        const seccomp_data data = random_call(dice, policy, number);
        const std::uint32_t verdict = run_filter(ours, data).value();
        REQUIRE(verdict == read_policy(policy, data));
        if (rules.empty())
          REQUIRE(verdict == policy.default_action);
        else
          REQUIRE((verdict == action) == (run_filter(theirs, data) == action));
        seccomp_data x32 = data;
        x32.nr |= 0x40000000;
        REQUIRE(run_filter(ours, x32) == policy.unknown_action);
        seccomp_data foreign = data;
        foreign.arch = AUDIT_ARCH_I386;
        REQUIRE(run_filter(ours, foreign) == SECCOMP_RET_KILL_PROCESS);
      }
    }
  }
}
