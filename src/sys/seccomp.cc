// SPDX-License-Identifier: Apache-2.0
// The program is written from its last instruction to its first. BPF only jumps forwards, so every
// target is then known when the jump to it is written, and a target that is too far away for the
// eight bits of a conditional jump gets a copy (of a RET) or a long jump (to anything else) close
// by.
#include "sys/seccomp.h"

#include <linux/audit.h>
#include <linux/seccomp.h>

#include <algorithm>
#include <cstddef>
#include <ranges>
#include <string>
#include <utility>

namespace tare::sys {
namespace {

constexpr std::size_t kMostInstructions = 4096;   // [linux/bpf_common.h, BPF_MAXINSNS]
constexpr std::uint32_t kX32Bit = 0x40000000;     // [asm/unistd.h, __X32_SYSCALL_BIT]
constexpr std::size_t kLongestConditional = 255;  // jt and jf are __u8. [linux/filter.h]

// How far from the end of the program an instruction is: 0 is the last one.
using Label = std::size_t;

class Writer {
 public:
  Writer() { code_.reserve(512); }

  Label ret(std::uint32_t action) {
    for (auto& [known, label] : returns_) {
      if (known != action) continue;
      if (code_.size() - label > kLongestConditional / 2)
        label = push(BPF_RET | BPF_K, action);  // A copy costs what a long jump would.
      return label;
    }
    returns_.emplace_back(action, push(BPF_RET | BPF_K, action));
    return returns_.back().second;
  }

  Label load(std::size_t offset, Label next) {
    fall_through(next);
    return push(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
  }

  Label mask(std::uint32_t bits, Label next) {
    if (bits == ~0u) return next;
    fall_through(next);
    return push(BPF_ALU | BPF_AND | BPF_K, bits);
  }

  // `condition` is BPF_JEQ, BPF_JGT or BPF_JGE: the accumulator against `value`.
  Label branch(unsigned condition, std::uint32_t value, Label yes, Label no) {
    if (yes == no) return yes;
    // One long jump may push the other target out of reach, so both are brought near first.
    yes = near(yes);
    no = near(no);
    const Label here = code_.size();
    code_.push_back({static_cast<std::uint16_t>(BPF_JMP | condition | BPF_K),
                     static_cast<std::uint8_t>(here - 1 - yes),
                     static_cast<std::uint8_t>(here - 1 - no), value});
    return here;
  }

  bool big_endian = false;  // Of the ABI that is being written.

  std::size_t size() const { return code_.size(); }
  std::vector<sock_filter> finish() && {
    std::reverse(code_.begin(), code_.end());
    return std::move(code_);
  }

 private:
  Label push(unsigned code, std::uint32_t k) {
    code_.push_back({static_cast<std::uint16_t>(code), 0, 0, k});
    return code_.size() - 1;
  }

  Label jump(Label target) {
    return push(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(code_.size() - 1 - target));
  }

  void fall_through(Label next) {
    if (next + 1 != code_.size()) jump(next);
  }

  Label near(Label target) {
    // Two: the other target's long jump and the branch itself come in between.
    if (code_.size() - target + 2 <= kLongestConditional) return target;
    if (BPF_CLASS(code_[target].code) == BPF_RET) return ret(code_[target].k);
    return jump(target);
  }

  std::vector<sock_filter> code_;
  std::vector<std::pair<std::uint32_t, Label>> returns_;  // The newest copy of each.
};

struct Halves {
  std::size_t low;
  std::size_t high;
};
Halves offsets_of(unsigned argument, bool big_endian) {
  const std::size_t start = offsetof(seccomp_data, args) + argument * sizeof(std::uint64_t);
  return big_endian ? Halves{start + 4, start} : Halves{start, start + 4};
}

// Two steps, high half then low half; with low32 the high half is not looked at.
Label write_equal(Writer& writer, const ArgumentTest& test, std::uint64_t mask, Label yes,
                  Label no) {
  const Halves at = offsets_of(test.index, writer.big_endian);
  const auto low = static_cast<std::uint32_t>(test.value);
  const auto low_mask = static_cast<std::uint32_t>(mask);
  Label next = yes;
  if (low_mask != 0) {
    next = writer.branch(BPF_JEQ, low, yes, no);
    next = writer.load(at.low, writer.mask(low_mask, next));
  } else if (low != 0) {
    return no;
  }
  if (test.low32) return next;
  const auto high = static_cast<std::uint32_t>(test.value >> 32);
  const auto high_mask = static_cast<std::uint32_t>(mask >> 32);
  if (high_mask == 0) return high == 0 ? next : no;
  next = writer.branch(BPF_JEQ, high, next, no);
  return writer.load(at.high, writer.mask(high_mask, next));
}

// `low_condition`: BPF_JGT for "greater", BPF_JGE for "greater or equal".
Label write_greater(Writer& writer, const ArgumentTest& test, unsigned low_condition, Label yes,
                    Label no) {
  const Halves at = offsets_of(test.index, writer.big_endian);
  const auto high = static_cast<std::uint32_t>(test.value >> 32);
  Label next = writer.branch(low_condition, static_cast<std::uint32_t>(test.value), yes, no);
  next = writer.load(at.low, next);
  if (test.low32) return next;
  next = writer.branch(BPF_JEQ, high, next, no);
  next = writer.branch(BPF_JGT, high, yes, next);
  return writer.load(at.high, next);
}

Label write_test(Writer& writer, const ArgumentTest& test, Label yes, Label no) {
  switch (test.compare) {
    case Compare::Equal:
      return write_equal(writer, test, ~0ull, yes, no);
    case Compare::NotEqual:
      return write_equal(writer, test, ~0ull, no, yes);
    case Compare::Masked:
      return write_equal(writer, test, test.mask, yes, no);
    case Compare::Greater:
      return write_greater(writer, test, BPF_JGT, yes, no);
    case Compare::GreaterEqual:
      return write_greater(writer, test, BPF_JGE, yes, no);
    case Compare::LessEqual:
      return write_greater(writer, test, BPF_JGT, no, yes);
    case Compare::Less:
      return write_greater(writer, test, BPF_JGE, no, yes);
  }
  return no;
}

bool same_test(const ArgumentTest& a, const ArgumentTest& b) {
  return a.index == b.index && a.compare == b.compare && a.value == b.value && a.low32 == b.low32 &&
         (a.compare != Compare::Masked || a.mask == b.mask);
}

// The rules of one number, in order, up to the first that always holds.
using RuleList = std::span<const SeccompRule* const>;

bool same_rules(RuleList a, RuleList b) {
  return std::ranges::equal(a, b, [](const SeccompRule* x, const SeccompRule* y) {
    return x->action == y->action && std::ranges::equal(x->tests, y->tests, same_test);
  });
}

// What happens to the numbers from `first` on, until the next interval.
struct Interval {
  std::uint32_t first = 0;
  Label label = 0;
};

// Writes what happens to the numbers of one architecture.
class AbiCompiler {
 public:
  // `policy` or `x32` may be missing, not both.
  AbiCompiler(Writer& writer, const SeccompPolicy* policy, const SeccompPolicy* x32)
      : writer_(writer), policy_(policy), x32_(x32) {}

  // Returns where the program for the architecture starts.
  Label run() {
    const SeccompPolicy& first = policy_ != nullptr ? *policy_ : *x32_;
    writer_.big_endian = first.big_endian;
    const bool has_x32_numbers = first.architecture == AUDIT_ARCH_X86_64;
    const std::uint64_t end = has_x32_numbers ? kX32Bit : kNumbers;
    if (policy_ != nullptr)
      add_policy(*policy_, 0, end);
    else
      add(0, ret(SECCOMP_RET_KILL_PROCESS));
    if (x32_ != nullptr) {
      add_policy(*x32_, kX32Bit, kNumbers);
    } else if (has_x32_numbers) {
      add(kX32Bit, ret(policy_->x32_action));
      add(kNumbers - 1, ret(policy_->default_action));
    }
    return writer_.load(offsetof(seccomp_data, nr), search(0, intervals_.size()));
  }

 private:
  static constexpr std::uint64_t kNumbers = std::uint64_t{1} << 32;

  // The intervals of the numbers from `begin` to before `end`.
  void add_policy(const SeccompPolicy& policy, std::uint64_t begin, std::uint64_t end) {
    // A rule is its number and its place, in one word that sorts quickly.
    std::vector<std::uint64_t> sorted;
    sorted.reserve(policy.rules.size());
    for (std::size_t i = 0; i < policy.rules.size(); ++i)
      sorted.push_back(std::uint64_t{policy.rules[i].number} << 32 | i);
    std::ranges::sort(sorted);

    leaves_.clear();             // They end in the default of the policy before.
    std::uint64_t next = begin;  // The first number that has no interval yet.
    std::vector<const SeccompRule*> rules;
    for (std::size_t i = 0; i < sorted.size();) {
      const auto number = static_cast<std::uint32_t>(sorted[i] >> 32);
      rules.clear();
      for (; i < sorted.size() && sorted[i] >> 32 == number; ++i)
        rules.push_back(&policy.rules[static_cast<std::uint32_t>(sorted[i])]);
      add_unruled(policy, next, number);
      add(number, leaf(policy, rules));
      next = std::uint64_t{number} + 1;
    }
    add_unruled(policy, next, end);
  }

  // Numbers from `first` to before `end`, for which there are no rules.
  void add_unruled(const SeccompPolicy& policy, std::uint64_t first, std::uint64_t end) {
    const std::uint64_t unknown = std::uint64_t{policy.highest_known} + 1;
    if (first < std::min(end, unknown)) add(first, ret(policy.default_action));
    if (std::max(first, unknown) < end) add(std::max(first, unknown), ret(policy.unknown_action));
  }

  void add(std::uint64_t first, Label label) {
    if (!intervals_.empty() && intervals_.back().label == label) return;
    intervals_.push_back({static_cast<std::uint32_t>(first), label});
  }

  // Intervals are merged by label, so here an action has one label for good.
  Label ret(std::uint32_t action) {
    for (const auto& [known, label] : actions_)
      if (known == action) return label;
    actions_.emplace_back(action, writer_.ret(action));
    return actions_.back().second;
  }

  Label leaf(const SeccompPolicy& policy, std::vector<const SeccompRule*>& rules) {
    const auto sure =
        std::ranges::find_if(rules, [](const SeccompRule* rule) { return rule->tests.empty(); });
    if (sure != rules.end()) {
      if (policy.unconditional_wins) return ret((*sure)->action);
      rules.erase(sure + 1, rules.end());
      if (rules.size() == 1) return ret(rules[0]->action);
    }
    for (const auto& [known, label] : leaves_)
      if (same_rules(known, rules)) return label;
    Label next = rules.back()->tests.empty() ? 0 : writer_.ret(policy.default_action);
    for (std::size_t i = rules.size(); i-- > 0;) {
      const SeccompRule& rule = *rules[i];
      const Label otherwise = next;
      next = writer_.ret(rule.action);
      for (std::size_t t = rule.tests.size(); t-- > 0;)
        next = write_test(writer_, rule.tests[t], next, otherwise);
    }
    leaves_.emplace_back(rules, next);
    return next;
  }

  Label search(std::size_t begin, std::size_t end) {
    if (end - begin == 1) return intervals_[begin].label;
    const std::size_t middle = begin + (end - begin) / 2;
    const Label right = search(middle, end);
    const Label left = search(begin, middle);
    return writer_.branch(BPF_JGE, intervals_[middle].first, right, left);
  }

  Writer& writer_;
  const SeccompPolicy* policy_;
  const SeccompPolicy* x32_;
  std::vector<Interval> intervals_;
  std::vector<std::pair<std::uint32_t, Label>> actions_;
  std::vector<std::pair<std::vector<const SeccompRule*>, Label>> leaves_;
};

std::string rule_of(const SeccompRule& rule) {
  return "seccomp rule for system call " + std::to_string(rule.number);
}

Result<> check(const SeccompPolicy& policy) {
  if (policy.x32 && policy.architecture != AUDIT_ARCH_X86_64)
    return fail(Kind::Invalid, "seccomp policy: x32 belongs to x86-64");
  for (const SeccompRule& rule : policy.rules) {
    // SECURITY: the x32 numbers of an x86-64 kernel reach the same calls past every other rule.
    // [seccomp(2), NOTES]
    if (policy.architecture == AUDIT_ARCH_X86_64 && (rule.number >= kX32Bit) != policy.x32)
      return fail(Kind::Invalid, rule_of(rule) + ": bit 30 is for x32 policies");
    for (const ArgumentTest& test : rule.tests)
      if (test.index > 5)
        return fail(Kind::Invalid, rule_of(rule) + ": there is no argument " +
                                       std::to_string(test.index) +
                                       ", system calls have arguments 0 to 5");
  }
  return {};
}

// The policy of the other ABI with the same architecture, or nullptr.
Result<const SeccompPolicy*> partner_of(const SeccompPolicy& policy,
                                        std::span<const SeccompPolicy> abis) {
  const SeccompPolicy* partner = nullptr;
  for (const SeccompPolicy& other : abis) {
    if (&other == &policy || other.architecture != policy.architecture) continue;
    if (other.x32 == policy.x32)
      return fail(Kind::Invalid, "seccomp policy: the same architecture twice");
    partner = &other;
  }
  return partner;
}

}  // namespace

Result<std::vector<sock_filter>> compile_seccomp(std::span<const SeccompPolicy> abis) {
  Writer writer;
  Label start = writer.ret(SECCOMP_RET_KILL_PROCESS);
  for (const SeccompPolicy& policy : abis | std::views::reverse) {
    TRY(check(policy));
    const SeccompPolicy* partner = TRY(partner_of(policy, abis));
    if (policy.x32 && partner != nullptr) continue;  // Written with its partner.
    const Label abi = policy.x32 ? AbiCompiler(writer, nullptr, &policy).run()
                                 : AbiCompiler(writer, &policy, partner).run();
    start = writer.branch(BPF_JEQ, policy.architecture, abi, start);
  }
  writer.load(offsetof(seccomp_data, arch), start);
  std::vector<sock_filter> program = std::move(writer).finish();
  if (program.size() > kMostInstructions)
    return fail(Kind::Invalid, "the seccomp profile needs " + std::to_string(program.size()) +
                                   " BPF instructions, the kernel takes 4096 at most");
  return program;
}

Result<std::vector<sock_filter>> compile_seccomp(const SeccompPolicy& policy) {
  return compile_seccomp(std::span(&policy, 1));
}

}  // namespace tare::sys
