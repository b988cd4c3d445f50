// SPDX-License-Identifier: Apache-2.0
// Random policies and random system calls that come close to the limits of their tests.
#pragma once

#include <linux/audit.h>
#include <linux/seccomp.h>

#include <array>
#include <random>
#include <vector>

#include "sys/seccomp.h"

namespace tare::tests {

class Dice {
 public:
  explicit Dice(unsigned seed) : engine_(seed) {}
  std::uint64_t below(std::uint64_t limit) { return engine_() % limit; }
  bool one_in(unsigned n) { return below(n) == 0; }

  // Numbers where comparisons in two halves go wrong.
  std::uint64_t word() {
    static constexpr std::array<std::uint64_t, 10> kEdges = {
        0, 1, 2, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x100000001, ~0ull - 1, ~0ull};
    switch (below(4)) {
      case 0:
        return engine_();
      case 1:
        return below(16);
      case 2:
        return (below(3) << 32) | below(4);
      default:
        return kEdges[below(kEdges.size())];
    }
  }

 private:
  std::mt19937_64 engine_;
};

inline sys::ArgumentTest random_test(Dice& dice) {
  sys::ArgumentTest test;
  test.index = static_cast<unsigned>(dice.below(6));
  test.compare = static_cast<sys::Compare>(dice.below(7));
  test.value = dice.word();
  if (test.compare == sys::Compare::Masked) {
    test.mask = dice.word();
    if (!dice.one_in(4)) test.value &= test.mask;
  }
  test.low32 = dice.one_in(3);
  return test;
}

// Arguments: random, or one beside the value of a test of the same number.
inline seccomp_data random_call(Dice& dice, const sys::SeccompPolicy& policy,
                                std::uint32_t number) {
  seccomp_data data{};
  data.nr = static_cast<int>(number);
  data.arch = policy.architecture;
  for (auto& argument : data.args) argument = dice.word();
  for (const sys::SeccompRule& rule : policy.rules)
    if (rule.number == number)
      for (const sys::ArgumentTest& test : rule.tests)
        if (dice.one_in(2)) {
          data.args[test.index] = test.value + dice.below(3) - 1;
          if (dice.one_in(3)) data.args[test.index] ^= dice.word() << 32;
        }
  return data;
}

}  // namespace tare::tests
