// SPDX-License-Identifier: Apache-2.0
#include "sys/seccomp.h"

#include <doctest/doctest.h>

#include <cerrno>

#include "tests/seccomp/bpf_machine.h"
#include "tests/seccomp/random_policy.h"

using namespace tare;
using namespace tare::sys;
using namespace tare::tests;

namespace {

constexpr std::uint32_t kAllow = SECCOMP_RET_ALLOW;
constexpr std::uint32_t kNoSys = SECCOMP_RET_ERRNO | ENOSYS;
constexpr std::uint32_t kPerm = SECCOMP_RET_ERRNO | EPERM;

SeccompPolicy base_policy() {
  return {.architecture = AUDIT_ARCH_X86_64,
          .default_action = kPerm,
          .unknown_action = kNoSys,
          .highest_known = 450,
          .x32_action = kNoSys};
}

seccomp_data call(std::uint32_t number, std::uint64_t first = 0, std::uint64_t second = 0) {
  seccomp_data data{};
  data.nr = static_cast<int>(number);
  data.arch = AUDIT_ARCH_X86_64;
  data.args[0] = first;
  data.args[1] = second;
  return data;
}

// Every number near the rules and the ends, several argument sets each.
void compare_with_policy(Dice& dice, const SeccompPolicy& policy) {
  const auto program = compile_seccomp(policy);
  REQUIRE(program.has_value());
  const auto same = [&](const seccomp_data& data) {
    const auto verdict = run_filter(*program, data);
    const bool equal = verdict && *verdict == read_policy(policy, data);
    if (!equal) CHECK(verdict.value_or(0xdead) == read_policy(policy, data));
    return equal;
  };
  for (std::uint32_t number = 0; number < 600; ++number)
    for (int round = 0; round < 4; ++round) REQUIRE(same(random_call(dice, policy, number)));
  for (const std::uint32_t number : {0x40000000u, 0x40000001u, 0x7fffffffu, 0x80000000u, ~0u})
    REQUIRE(same(random_call(dice, policy, number)));
  seccomp_data foreign = call(0);
  foreign.arch = AUDIT_ARCH_I386;
  REQUIRE(same(foreign));
}

}  // namespace

TEST_CASE("a filter kills other architectures and does not know x32") {
  SeccompPolicy policy = base_policy();
  policy.rules = {{0, {}, kAllow}, {39, {}, kAllow}};
  const auto program = compile_seccomp(policy).value();
  CHECK(run_filter(program, call(39)) == kAllow);
  CHECK(run_filter(program, call(40)) == kPerm);
  CHECK(run_filter(program, call(450)) == kPerm);
  CHECK(run_filter(program, call(451)) == kNoSys);
  CHECK(run_filter(program, call(0x40000000u | 39)) == kNoSys);
  CHECK(run_filter(program, call(~0u - 1)) == kNoSys);
  seccomp_data foreign = call(39);
  foreign.arch = AUDIT_ARCH_I386;
  CHECK(run_filter(program, foreign) == SECCOMP_RET_KILL_PROCESS);
}

TEST_CASE("rules of one number are tried in order") {
  SeccompPolicy policy = base_policy();
  policy.rules = {{16, {{.index = 1, .value = 0x5412, .low32 = true}}, kPerm}, {16, {}, kAllow}};
  const auto program = compile_seccomp(policy).value();
  CHECK(run_filter(program, call(16, 0, 0x5412)) == kPerm);
  CHECK(run_filter(program, call(16, 0, 0x100005412)) == kPerm);  // SECURITY: int arguments.
  CHECK(run_filter(program, call(16, 0, 0x5413)) == kAllow);
}

TEST_CASE("an empty policy and one rule for each number compile") {
  const auto empty = compile_seccomp(base_policy()).value();
  CHECK(run_filter(empty, call(3)) == kPerm);
  SeccompPolicy policy = base_policy();
  for (std::uint32_t number = 0; number <= 450; ++number)
    policy.rules.push_back({number, {}, kAllow});
  const auto program = compile_seccomp(policy).value();
  CHECK(program.size() < 12);  // One interval.
  CHECK(run_filter(program, call(200)) == kAllow);
}

TEST_CASE("random policies mean what they say") {
  Dice dice(1);
  for (int round = 0; round < 60; ++round) {
    SeccompPolicy policy = base_policy();
    const std::size_t rules = dice.below(250);
    for (std::size_t i = 0; i < rules; ++i) {
      SeccompRule rule{.number = static_cast<std::uint32_t>(dice.below(round % 2 == 0 ? 60 : 500)),
                       .action = SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(dice.below(5))};
      for (std::size_t tests = dice.below(4); tests > 0; --tests)
        rule.tests.push_back(random_test(dice));
      policy.rules.push_back(std::move(rule));
    }
    policy.unconditional_wins = round % 3 == 0;
    compare_with_policy(dice, policy);
  }
}

TEST_CASE("random policies of several architectures in one program") {
  Dice dice(5);
  for (int round = 0; round < 40; ++round) {
    std::vector<SeccompPolicy> abis(4, base_policy());
    abis[1].architecture = AUDIT_ARCH_I386;
    abis[2].architecture = AUDIT_ARCH_AARCH64;
    abis[3].x32 = true;
    abis[3].highest_known |= 0x40000000;
    if (round % 4 == 1) abis.pop_back();
    if (round % 4 == 2) abis.erase(abis.begin());
    for (SeccompPolicy& abi : abis) {
      abi.default_action = SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(dice.below(3));
      for (std::size_t i = dice.below(150); i > 0; --i) {
        const std::uint32_t number = static_cast<std::uint32_t>(dice.below(460));
        SeccompRule rule{.number = number | (abi.x32 ? 0x40000000 : 0),
                         .action = SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(dice.below(5))};
        for (std::size_t tests = dice.below(3); tests > 0; --tests)
          rule.tests.push_back(random_test(dice));
        abi.rules.push_back(std::move(rule));
      }
    }
    const auto program = compile_seccomp(abis).value();
    for (const SeccompPolicy& abi : abis)
      for (std::uint32_t number = 0; number < 500; ++number)
        for (const std::uint32_t bit : {0u, 0x40000000u, 0x80000000u}) {
          const seccomp_data data = random_call(dice, abi, number | bit);
          REQUIRE(run_filter(program, data).value() == read_policies(abis, data));
        }
    seccomp_data foreign = call(1);
    foreign.arch = AUDIT_ARCH_S390X;
    CHECK(run_filter(program, foreign) == SECCOMP_RET_KILL_PROCESS);
  }
}

TEST_CASE("a call that a tracer skips is not an x32 call") {
  SeccompPolicy policy = base_policy();
  policy.x32_action = SECCOMP_RET_KILL_PROCESS;
  const auto program = compile_seccomp(policy).value();
  CHECK(run_filter(program, call(~0u)) == kPerm);
  CHECK(run_filter(program, call(~0u - 1)) == SECCOMP_RET_KILL_PROCESS);
  CHECK(run_filter(program, call(0x40000000)) == SECCOMP_RET_KILL_PROCESS);
  CHECK(run_filter(program, call(0x3fffffff)) == kNoSys);
}

TEST_CASE("jumps over more than 255 instructions") {
  Dice dice(2);
  SeccompPolicy policy = base_policy();
  // One number with very many alternatives, and very many numbers with different actions.
  for (int i = 0; i < 300; ++i)
    policy.rules.push_back({7, {{.index = 0, .value = dice.word()}}, kAllow});
  SeccompRule many{.number = 9, .action = kAllow};
  for (int i = 0; i < 150; ++i)
    many.tests.push_back({.index = 1, .compare = Compare::NotEqual, .value = dice.word()});
  policy.rules.push_back(many);
  for (std::uint32_t i = 0; i < 400; ++i)
    policy.rules.push_back({20 + i, {}, SECCOMP_RET_ERRNO | (1 + i)});
  const auto program = compile_seccomp(policy).value();
  CHECK(program.size() > 1000);
  compare_with_policy(dice, policy);
}

TEST_CASE("impossible policies are refused") {
  SeccompPolicy policy = base_policy();
  policy.rules = {{1, {{.index = 6}}, kAllow}};
  CHECK(compile_seccomp(policy).error().kind() == Kind::Invalid);
  policy.rules = {{0x40000001, {}, kAllow}};
  CHECK(compile_seccomp(policy).error().kind() == Kind::Invalid);
  policy.rules.assign(2000, {1, {{.index = 0, .value = 1ull << 40}}, kPerm});
  CHECK(compile_seccomp(policy).error().kind() == Kind::Invalid);
}
