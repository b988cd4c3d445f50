// SPDX-License-Identifier: Apache-2.0
// From a profile to rules for every ABI it is for, with the meaning that runc and libseccomp give
// it. [runtime-spec 1.2 config-linux.md; runc libcontainer/seccomp; libseccomp 2.5
// seccomp_rule_add(3)]
#include "policy/oci_seccomp.h"

#include <linux/seccomp.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ranges>

#include "base/text.h"

namespace tare::policy {
namespace {

using oci::SeccompAction;
using oci::SeccompArgument;
using oci::SeccompEntry;
using oci::SeccompVerdict;
using Tests = std::vector<sys::ArgumentTest>;

constexpr std::size_t kMostRules = 8192;  // Of one ABI. 4096 instructions cannot hold more.
constexpr std::uint32_t kNoSys = SECCOMP_RET_ERRNO | ENOSYS;

// Newer than Debian 12's headers, or not in them. [Linux include/uapi/linux/seccomp.h]
constexpr unsigned kTsyncEsrch = 1u << 4;
constexpr unsigned kWaitKillableReceive = 1u << 5;

std::uint32_t return_value(const SeccompVerdict& verdict) {
  switch (verdict.action) {
    case SeccompAction::KillThread:
      return SECCOMP_RET_KILL_THREAD;
    case SeccompAction::KillProcess:
      return SECCOMP_RET_KILL_PROCESS;
    case SeccompAction::Trap:
      return SECCOMP_RET_TRAP;
    case SeccompAction::Errno:
      return SECCOMP_RET_ERRNO | verdict.data;
    case SeccompAction::Trace:
      return SECCOMP_RET_TRACE | verdict.data;
    case SeccompAction::Allow:
      return SECCOMP_RET_ALLOW;
    case SeccompAction::Log:
      return SECCOMP_RET_LOG;
    case SeccompAction::Notify:
      return SECCOMP_RET_USER_NOTIF;
  }
  return SECCOMP_RET_KILL_PROCESS;
}

// A default under which calls that nobody knew may be made: a tracer answers them itself.
bool lets_through(SeccompAction action) {
  return action == SeccompAction::Allow || action == SeccompAction::Log ||
         action == SeccompAction::Trace;
}

sys::ArgumentTest test_of(const SeccompArgument& argument) {
  static constexpr std::array kCompare = {sys::Compare::Equal,   sys::Compare::NotEqual,
                                          sys::Compare::Less,    sys::Compare::LessEqual,
                                          sys::Compare::Greater, sys::Compare::GreaterEqual,
                                          sys::Compare::Masked};
  sys::ArgumentTest test{.index = argument.index,
                         .compare = kCompare[static_cast<std::size_t>(argument.op)],
                         .value = argument.value};
  if (test.compare == sys::Compare::Masked) {
    test.mask = argument.value;
    test.value = argument.value_two & argument.value;  // Bits outside the mask are not compared.
  }
  return test;
}

// All arguments of an entry must fit, unless two are about the same one: then each is a rule of its
// own, because the format has no other way to say "or". [runc libcontainer/seccomp, matchCall]
std::vector<Tests> alternatives_of(const SeccompEntry& entry) {
  std::array<int, 6> seen{};
  for (const SeccompArgument& argument : entry.arguments) ++seen[argument.index];
  std::vector<Tests> alternatives;
  if (std::ranges::none_of(seen, [](int count) { return count > 1; })) {
    Tests& all = alternatives.emplace_back();
    for (const SeccompArgument& argument : entry.arguments) all.push_back(test_of(argument));
  } else {
    for (const SeccompArgument& argument : entry.arguments)
      alternatives.push_back({test_of(argument)});
  }
  return alternatives;
}

// Fits tests to an ABI: what cannot fail goes away, so that a rule without tests is one that always
// holds.
Tests fit(Tests tests, const AbiFacts& abi) {
  std::erase_if(tests, [&](const sys::ArgumentTest& test) {
    const std::uint64_t mask = abi.bits32 ? test.mask & 0xffffffff : test.mask;
    return test.compare == sys::Compare::Masked && mask == 0;
  });
  for (sys::ArgumentTest& test : tests) test.low32 = abi.bits32;
  return tests;
}

// The same call made through socketcall or ipc. The other arguments are in memory then, where a
// filter cannot look, so tests of the first are given up; those of others are kept, as libseccomp
// keeps them.
Tests fit_multiplexed(Tests tests, const AbiFacts& abi, std::int32_t which) {
  std::erase_if(tests, [](const sys::ArgumentTest& test) { return test.index == 0; });
  const sys::ArgumentTest is_it{.index = 0, .value = static_cast<std::uint64_t>(which)};
  tests.insert(tests.begin(), is_it);
  return fit(std::move(tests), abi);
}

class Builder {
 public:
  Builder(const oci::SeccompProfile& profile, Abi native) : profile_(profile), native_(native) {}

  Result<> read(std::span<const std::string> also_known) {
    TRY(choose_abis());
    for (const std::string& name : also_known)
      if (const auto call = find_call(name)) know(*call);
    for (const SeccompEntry& entry : profile_.entries) TRY(add_entry(entry));
    for (sys::SeccompPolicy& policy : policies_) finish(policy);
    return {};
  }

  std::span<const sys::SeccompPolicy> policies() const { return policies_; }
  bool notifies() const { return notifies_; }

 private:
  Result<> choose_abis() {
    add_abi(facts_of(native_));
    for (const std::string& name : profile_.architectures) {
      const auto* abi = std::ranges::find(kAbis, name, &AbiFacts::name);
      if (abi == std::end(kAbis))
        return fail(Kind::Unsupported, "seccomp profile: the system calls of architecture " +
                                           quoted(name) + " are not known");
      if (std::ranges::find(abis_, abi) == abis_.end()) add_abi(*abi);
    }
    return {};
  }

  void add_abi(const AbiFacts& abi) {
    const std::uint32_t action = return_value(profile_.default_verdict);
    abis_.push_back(&abi);
    policies_.push_back({.architecture = abi.architecture,
                         .default_action = action,
                         .unknown_action = action,
                         .x32 = abi.abi == Abi::X32,
                         .big_endian = abi.big_endian,
                         .unconditional_wins = true});
    policies_.back().rules.reserve(512);
  }

  static bool is_multiplexed(const AbiFacts& abi, CallIndex call) {
    return abi.multiplexed &&
           (number_of(call, Abi::Socketcall) > 0 || number_of(call, Abi::Ipc) > 0);
  }

  // runc takes the highest number of what is named from libseccomp, which answers with no number
  // for calls that are multiplexed.
  void know(CallIndex call) {
    for (std::size_t i = 0; i < abis_.size(); ++i) {
      const std::int32_t number = number_of(call, abis_[i]->abi);
      if (number < 0 || is_multiplexed(*abis_[i], call)) continue;
      policies_[i].highest_known =
          std::max(policies_[i].highest_known, with_bit(*abis_[i], number));
    }
  }

  static std::uint32_t with_bit(const AbiFacts& abi, std::int32_t number) {
    return static_cast<std::uint32_t>(number) | (abi.abi == Abi::X32 ? kX32Bit : 0);
  }

  Result<> add_entry(const SeccompEntry& entry) {
    // A rule that says what the default says would only hide others, and libseccomp refuses it.
    const bool counts = entry.verdict != profile_.default_verdict;
    const std::vector<Tests> alternatives = alternatives_of(entry);
    const std::uint32_t action = return_value(entry.verdict);
    for (const std::string& name : entry.names) {
      const auto call = find_call(name);
      if (!call) continue;  // Newer than this build, or a mistake: as runc and crun do.
      know(*call);
      if (!counts) continue;
      for (const Tests& tests : alternatives) add_rules(*call, tests, action);
      notifies_ = notifies_ || entry.verdict.action == SeccompAction::Notify;
      for (const sys::SeccompPolicy& policy : policies_)
        if (policy.rules.size() > kMostRules)
          return fail(Kind::Invalid, "seccomp profile: more than 8192 rules");
    }
    return {};
  }

  void add_rules(CallIndex call, const Tests& tests, std::uint32_t action) {
    static const CallIndex kSocketcall = *find_call("socketcall");
    static const CallIndex kIpc = *find_call("ipc");
    for (std::size_t i = 0; i < abis_.size(); ++i) {
      const AbiFacts& abi = *abis_[i];
      std::vector<sys::SeccompRule>& rules = policies_[i].rules;
      if (const std::int32_t number = number_of(call, abi.abi); number >= 0)
        rules.push_back({with_bit(abi, number), fit(tests, abi), action});
      if (!is_multiplexed(abi, call)) continue;
      const std::int32_t which = number_of(call, Abi::Socketcall);
      const std::int32_t through = number_of(which > 0 ? kSocketcall : kIpc, abi.abi);
      rules.push_back({static_cast<std::uint32_t>(through),
                       fit_multiplexed(tests, abi, which > 0 ? which : number_of(call, Abi::Ipc)),
                       action});
    }
  }

  void finish(sys::SeccompPolicy& policy) const {
    const bool none_named = (policy.highest_known & ~kX32Bit) == 0;
    if (lets_through(profile_.default_verdict.action) || none_named) {
      policy.highest_known = ~0u;
      return;
    }
    policy.unknown_action = kNoSys;
    // On s390 a number that the kernel does not know arrives as 0. [runc, enosys_linux.go]
    if (policy.architecture == AUDIT_ARCH_S390X)
      policy.rules.insert(policy.rules.begin(), {0, {}, kNoSys});
  }

  const oci::SeccompProfile& profile_;
  Abi native_;
  std::vector<const AbiFacts*> abis_;
  std::vector<sys::SeccompPolicy> policies_;  // One for each of abis_.
  bool notifies_ = false;
};

struct NamedFlag {
  std::string_view name;
  unsigned bit;
};
constexpr NamedFlag kFlags[] = {{"SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC},
                                {"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG},
                                {"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
                                {"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", kWaitKillableReceive}};

Result<unsigned> flags_of(const oci::SeccompProfile& profile, bool notifies) {
  unsigned flags = notifies ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0;
  for (const std::string& name : profile.flags) {
    const auto* flag = std::ranges::find(kFlags, name, &NamedFlag::name);
    if (flag == std::end(kFlags))
      return fail(Kind::Invalid, "seccomp profile: flag " + quoted(name) + " is unknown");
    flags |= flag->bit;
  }
  // About notifications, and an error for the kernel where there are none. Two of the kernel's
  // answers, a thread and a descriptor, need ESRCH to be told apart. [seccomp(2)]
  if (!notifies) flags &= ~kWaitKillableReceive;
  if (notifies && (flags & SECCOMP_FILTER_FLAG_TSYNC) != 0) flags |= kTsyncEsrch;
  return flags;
}

}  // namespace

Result<CompiledSeccomp> compile_profile(const oci::SeccompProfile& profile, Abi native,
                                        std::span<const std::string> also_known) {
  if (profile.default_verdict.action == SeccompAction::Notify)
    return fail(Kind::Invalid,
                "seccomp profile: SCMP_ACT_NOTIFY cannot be the default, because the calls that "
                "give the listener away would wait for it");
  Builder builder(profile, native);
  TRY(builder.read(also_known));
  CompiledSeccomp compiled;
  compiled.flags = TRY(flags_of(profile, builder.notifies()));
  if (builder.notifies()) {
    if (profile.listener_path.empty())
      return fail(
          Kind::Invalid,
          "seccomp profile: SCMP_ACT_NOTIFY needs \"listenerPath\", the socket of who answers");
    compiled.listener = {profile.listener_path, profile.listener_metadata};
  }
  compiled.program = TRY(sys::compile_seccomp(builder.policies()));
  return compiled;
}

std::vector<std::string> seccomp_architectures() {
  std::vector<std::string> names;
  for (const AbiFacts& abi : kAbis) names.emplace_back(abi.name);
  return names;
}

std::vector<std::string> seccomp_flags() {
  std::vector<std::string> names;
  for (const NamedFlag& flag : kFlags) names.emplace_back(flag.name);
  return names;
}

Result<CompiledSeccomp> compile_oci_seccomp(const oci::SeccompProfile& profile) {
  return compile_profile(profile, kNativeAbi, {});
}

}  // namespace tare::policy
