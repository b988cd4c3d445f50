// SPDX-License-Identifier: Apache-2.0
// Profiles of runtime configurations against libseccomp, on every number of every ABI: the default
// profiles of Docker and Podman, and random ones. What runc adds to libseccomp, ENOSYS for calls
// that a profile cannot have known, is added here by a plain reading of the profile.
#include <doctest/doctest.h>
#include <linux/audit.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <bit>
#include <map>
#include <set>

#include "policy/oci_seccomp.h"
#include "policy/tables.h"
#include "tests/seccomp/bpf_machine.h"
#include "tests/seccomp/profile_data.h"
#include "tests/seccomp/random_policy.h"

using namespace tare;
using namespace tare::tests;
using namespace tare::policy;

namespace {

constexpr std::uint32_t kNoSys = SECCOMP_RET_ERRNO | ENOSYS;

// libseccomp's own token; x32 has one that is no AUDIT_ARCH_.
std::uint32_t token_of(const AbiFacts& abi) {
  return abi.abi == Abi::X32 ? SCMP_ARCH_X32 : abi.architecture;
}

// Debian 12's libseccomp is older than the table: calls that it does not know are left out. So are
// two that it has wrong: map_shadow_stack is missing on x32, and sys_debug_setcontext becomes
// switch_endian.
bool known_to_libseccomp(const std::string& name) {
  return seccomp_syscall_resolve_name(name.c_str()) != __NR_SCMP_ERROR &&
         name != "map_shadow_stack" && name != "sys_debug_setcontext";
}

void forget_newer_calls(oci::SeccompProfile& profile) {
  for (oci::SeccompEntry& entry : profile.entries)
    std::erase_if(entry.names, [](const std::string& name) { return !known_to_libseccomp(name); });
}

// The highest number of `abi` that the profile names, as runc asks libseccomp for it; 0 for none.
std::uint32_t highest_named(const NamedProfile& data, const AbiFacts& abi) {
  std::uint32_t highest = 0;
  const auto look = [&](const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      const int number = seccomp_syscall_resolve_name_arch(token_of(abi), name.c_str());
      if (number > 0 && known_to_libseccomp(name))
        highest = std::max(highest, static_cast<std::uint32_t>(number));
    }
  };
  for (const oci::SeccompEntry& entry : data.profile.entries) look(entry.names);
  look(data.also_known);
  return highest;
}

bool lets_through(const oci::SeccompProfile& profile) {
  const auto action = profile.default_verdict.action;
  return action == oci::SeccompAction::Allow || action == oci::SeccompAction::Log ||
         action == oci::SeccompAction::Trace;
}

// Values near those that the profile compares with.
std::uint64_t argument_near(Dice& dice, const oci::SeccompProfile& profile) {
  std::vector<std::uint64_t> values = {dice.word(), dice.below(32)};
  for (const oci::SeccompEntry& entry : profile.entries)
    for (const oci::SeccompArgument& argument : entry.arguments) {
      values.push_back(argument.value);
      values.push_back(argument.value_two);
    }
  std::uint64_t value = values[dice.below(values.size())] + dice.below(3) - 1;
  if (dice.one_in(8)) value ^= dice.word() << 32;
  return value;
}

std::vector<std::uint32_t> numbers_of(const AbiFacts& abi) {
  std::vector<std::uint32_t> numbers;
  for (std::uint32_t number = 0; number < 620; ++number) numbers.push_back(number);
  for (std::uint32_t number = 0xf0000; number < 0xf0008; ++number) numbers.push_back(number);
  if (abi.abi == Abi::X32)
    for (std::uint32_t& number : numbers) number |= kX32Bit;
  return numbers;
}

struct Filters {
  std::vector<sock_filter> ours;
  std::vector<sock_filter> theirs;
};

// Our program for an ABI of another byte order reads the halves of arguments where that ABI has
// them, but its numbers are this machine's: libseccomp's are turned round for the comparison. The
// copies of verdicts that it makes for long jumps, it has turned twice.
void turn_round(std::vector<sock_filter>& program) {
  // The high halves of all SECCOMP_RET_* but 0. [linux/seccomp.h]
  static constexpr std::uint32_t kVerdicts[] = {0x8000, 0x0003, 0x0005, 0x7fc0,
                                                0x7ff0, 0x7ffc, 0x7fff};
  for (sock_filter& instruction : program) {
    instruction.code = std::byteswap(instruction.code);
    const std::uint32_t turned = std::byteswap(instruction.k);
    const bool twice = instruction.code == (BPF_RET | BPF_K) && turned != 0 &&
                       std::ranges::find(kVerdicts, turned >> 16) == std::end(kVerdicts);
    if (!twice) instruction.k = turned;
  }
}

void compare(Dice& dice, const NamedProfile& data, const AbiFacts& abi, const Filters& filters,
             int tries) {
  const std::uint32_t highest = highest_named(data, abi);
  for (const std::uint32_t number : numbers_of(abi))
    for (int i = 0; i < tries; ++i) {
      seccomp_data call{.nr = static_cast<int>(number), .arch = abi.architecture};
      for (auto& argument : call.args) {
        argument = argument_near(dice, data.profile);
        if (abi.bits32 && !dice.one_in(10)) argument &= 0xffffffff;
        if (abi.big_endian) argument = std::rotl(argument, 32);
      }
      std::uint32_t expected = run_filter(filters.theirs, call).value();
      const bool unknown = highest != 0 && number > highest;
      if (!lets_through(data.profile) &&
          (unknown || (abi.abi == Abi::S390x && number == 0 && highest != 0)))
        expected = kNoSys;
      const std::uint32_t ours = run_filter(filters.ours, call).value();
      if (ours == expected) continue;
      CAPTURE(abi.name);
      CAPTURE(number);
      for (const auto& argument : call.args) CAPTURE(argument);
      REQUIRE(ours == expected);
    }
}

// The ABIs that a profile is compiled for on a machine whose own is `native`.
std::vector<const AbiFacts*> abis_of(const oci::SeccompProfile& profile, Abi native) {
  std::vector<const AbiFacts*> abis = {&facts_of(native)};
  for (const AbiFacts& abi : kAbis)
    if (abi.abi != native &&
        std::ranges::find(profile.architectures, abi.name) != profile.architectures.end())
      abis.push_back(&abi);
  return abis;
}

void same_on_all_abis(Dice& dice, NamedProfile data, Abi native, int tries) {
  forget_newer_calls(data.profile);
  std::erase_if(data.also_known, [](const auto& name) { return !known_to_libseccomp(name); });
  Filters filters;
  filters.ours = compile_profile(data.profile, native, data.also_known).value().program;
  const std::uint32_t token = native == kNativeAbi ? 0 : token_of(facts_of(native));
  filters.theirs = libseccomp_export(libseccomp_context(data.profile, token));
  if (facts_of(native).big_endian) turn_round(filters.theirs);
  const auto abis = abis_of(data.profile, native);
  for (const AbiFacts* abi : abis) compare(dice, data, *abi, filters, tries);
  for (const AbiFacts& abi : kAbis) {
    if (std::ranges::find(abis, abi.architecture, &AbiFacts::architecture) != abis.end()) continue;
    const seccomp_data call{.nr = 1, .arch = abi.architecture};
    CHECK(run_filter(filters.ours, call) == SECCOMP_RET_KILL_PROCESS);
    CHECK(run_filter(filters.theirs, call) == SECCOMP_RET_KILL_PROCESS);
  }
}

// Which ABIs stand together on one machine.
struct Machine {
  Abi native;
  std::vector<std::string> others;
};
const std::vector<Machine>& machines() {
  static const std::vector<Machine> all = {
      {Abi::X86_64, {}},
      {Abi::X86_64, {"SCMP_ARCH_X86"}},
      {Abi::X86_64, {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"}},
      {Abi::X86_64, {"SCMP_ARCH_X32", "SCMP_ARCH_RISCV64", "SCMP_ARCH_AARCH64"}},
      {Abi::Aarch64, {"SCMP_ARCH_ARM"}},
      {Abi::Aarch64, {"SCMP_ARCH_X32", "SCMP_ARCH_PPC64LE"}},
      {Abi::Riscv64, {}},
      {Abi::Ppc64le, {}},
      {Abi::S390x, {}}};
  return all;
}

std::string data_file(const std::string& name) {
  return std::string(TARE_SECCOMP_PROFILES) + "/" + name + ".json";
}

oci::SeccompVerdict random_verdict(Dice& dice) {
  using enum oci::SeccompAction;
  static constexpr std::array kAll = {KillThread, KillProcess, Trap, Errno,
                                      Trace,      Allow,       Log,  Notify};
  oci::SeccompVerdict verdict{kAll[dice.below(kAll.size())], 0};
  if (verdict.action == Errno || verdict.action == Trace)
    verdict.data = static_cast<std::uint16_t>(dice.below(3));
  return verdict;
}

std::vector<oci::SeccompArgument> random_arguments(Dice& dice) {
  std::vector<oci::SeccompArgument> arguments;
  std::set<unsigned> used;
  for (std::size_t i = 1 + dice.below(3); i > 0; --i) {
    oci::SeccompArgument argument{.index = static_cast<unsigned>(dice.below(6)),
                                  .op = static_cast<oci::SeccompOperator>(dice.below(7)),
                                  .value = dice.word(),
                                  .value_two = dice.word()};
    if (used.insert(argument.index).second) arguments.push_back(argument);
  }
  return arguments;
}

// Conditional rules of one call have one answer: what libseccomp makes of overlapping rules with
// different ones depends on the order of its trees.
NamedProfile random_profile(Dice& dice) {
  NamedProfile data;
  do data.profile.default_verdict = random_verdict(dice);
  while (data.profile.default_verdict.action == oci::SeccompAction::Notify);
  data.profile.listener_path = "/run/agent";
  std::set<std::string_view> used;
  const auto names = call_names();
  for (std::size_t i = 20 + dice.below(200); i > 0; --i) {
    const std::string_view name = names[dice.below(names.size())];
    // The multiplexers get rules of their own calls too.
    if (name == "socketcall" || name == "ipc" || !used.insert(name).second) continue;
    oci::SeccompEntry entry{{std::string(name)}, random_verdict(dice), {}};
    const bool multiplexed = number_of(*find_call(name), Abi::Socketcall) > 0 ||
                             number_of(*find_call(name), Abi::Ipc) > 0;
    if (!multiplexed && dice.one_in(3)) {
      entry.arguments = random_arguments(dice);
    } else if (!multiplexed && dice.one_in(4)) {
      for (std::size_t n = 2 + dice.below(3); n > 0; --n)
        entry.arguments.push_back({.index = 2, .value = dice.word()});
    }
    data.profile.entries.push_back(entry);
    // Wins, though it comes later. (libseccomp refuses it for calls that are multiplexed.)
    if (!multiplexed && dice.one_in(10)) {
      entry.arguments.clear();
      if (dice.one_in(2)) entry.verdict = random_verdict(dice);
      if (entry.verdict != data.profile.default_verdict) data.profile.entries.push_back(entry);
    }
  }
  return data;
}

}  // namespace

TEST_CASE("numbers: same as libseccomp's for every call and ABI that it knows") {
  int compared = 0;
  for (const std::string_view name : call_names()) {
    const std::string text(name);
    if (!known_to_libseccomp(text)) continue;
    const CallIndex call = *find_call(name);
    for (const AbiFacts& abi : kAbis) {
      if (abi.abi == Abi::Loongarch64) continue;  // Newer than libseccomp 2.5.
      const int theirs = seccomp_syscall_resolve_name_arch(token_of(abi), text.c_str());
      std::int32_t ours = number_of(call, abi.abi);
      if (ours >= 0 && abi.abi == Abi::X32) ours |= kX32Bit;
      const std::int32_t socketcall = number_of(call, Abi::Socketcall);
      const std::int32_t ipc = number_of(call, Abi::Ipc);
      // Pseudo numbers: -100 and below through socketcall, -200 and below through ipc.
      if (abi.multiplexed && socketcall > 0) ours = -100 - socketcall;
      if (abi.multiplexed && ipc > 0) ours = -200 - ipc;
      CAPTURE(name);
      CAPTURE(abi.name);
      if (theirs < -1000 || ours == -1)
        CHECK((theirs < 0 && ours == -1));
      else
        CHECK(ours == theirs);
      ++compared;
    }
  }
  CHECK(compared > 3500);
}

TEST_CASE("Docker's and Podman's default profiles: same verdicts as libseccomp") {
  Dice dice(6);
  for (const char* name : {"docker", "podman"}) {
    CAPTURE(name);
    NamedProfile data = read_profile_data(data_file(name));
    CHECK(data.profile.architectures.size() == 2);
    for (const Machine& machine : machines()) {
      data.profile.architectures = machine.others;
      same_on_all_abis(dice, data, machine.native, 12);
    }
  }
}

TEST_CASE("the kernel takes these programs") {
  for (const char* name : {"docker", "podman"}) {
    NamedProfile data = read_profile_data(data_file(name));
    data.profile.architectures = seccomp_architectures();
    auto compiled = compile_profile(data.profile, kNativeAbi, data.also_known).value();
    sock_fprog program{static_cast<unsigned short>(compiled.program.size()),
                       compiled.program.data()};
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) ::_exit(2);
      if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, compiled.flags, &program) != 0)
        ::_exit(3);
      const bool closed = ::syscall(SYS_acct, nullptr) == -1 && errno == EPERM;
      const bool unknown = ::syscall(2000) == -1 && errno == ENOSYS;
      ::_exit(closed && unknown && ::getpid() > 0 ? 0 : 4);
    }
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
  }
}

TEST_CASE("random profiles: same verdicts as libseccomp") {
  Dice dice(7);
  for (int round = 0; round < 90; ++round) {
    NamedProfile data = random_profile(dice);
    const Machine& machine = machines()[static_cast<std::size_t>(round) % machines().size()];
    data.profile.architectures = machine.others;
    same_on_all_abis(dice, data, machine.native, 4);
  }
}
