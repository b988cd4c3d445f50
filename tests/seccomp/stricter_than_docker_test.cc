// SPDX-License-Identifier: Apache-2.0
// The default filter beside Docker's, each with its engine's default capabilities: what ours lets
// through and Docker's does not stands in profiles/seccomp/default.json with its reason, and what
// Docker's lets through and ours never does is told to users in docs/security-model.md.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>

#include "policy/oci_seccomp.h"
#include "tests/seccomp/bpf_machine.h"
#include "tests/seccomp/profile_data.h"
#include "tests/seccomp/random_policy.h"

using namespace tare;
using namespace tare::tests;
using namespace tare::policy;

namespace {

std::string read_file(const std::string& path) {
  const sys::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  return sys::read_all(file.get(), 1 << 20).value();
}

const std::string kTop = std::string(TARE_SECCOMP_PROFILES) + "/../../..";

// First arguments that matter to some rule, and their neighbours. Only the low halves: the kernel
// reads an int where either filter compares the first argument.
std::vector<std::uint32_t> first_arguments() {
  std::vector<std::uint32_t> values;
  for (std::uint32_t value = 0; value < 64; ++value) values.push_back(value);
  for (int bit = 5; bit < 32; ++bit) values.push_back(1u << bit);
  for (const std::uint32_t value : {0x20008u, 0x3d0f00u, 0x7e020000u, 0x7fffffffu, 0xffffffffu})
    values.push_back(value);
  return values;
}

struct Allowed {
  std::set<std::string> by_us_only;   // For some arguments.
  std::set<std::string> never_by_us;  // Docker lets it through for some.
};

Allowed compare_filters() {
  Dice dice(8);
  NamedProfile docker = read_profile_data(std::string(TARE_SECCOMP_PROFILES) + "/docker.json");
  docker.profile.architectures.clear();
  const auto theirs = compile_profile(docker.profile, Abi::X86_64, docker.also_known).value();
  const auto ours = default_seccomp(default_capabilities()).value();
  Allowed result;
  for (const std::string_view name : call_names()) {
    const std::int32_t number = number_of(*find_call(name), Abi::X86_64);
    if (number < 0) continue;
    bool we_ever = false, they_ever = false;
    for (const std::uint32_t first : first_arguments())
      for (int round = 0; round < 12; ++round) {
        seccomp_data call{.nr = number, .arch = AUDIT_ARCH_X86_64};
        for (auto& argument : call.args) argument = round < 6 ? dice.below(12) : dice.word();
        call.args[0] = first;
        const bool we = run_filter(ours, call) == SECCOMP_RET_ALLOW;
        const bool they = run_filter(theirs.program, call) == SECCOMP_RET_ALLOW;
        if (we && !they) result.by_us_only.emplace(name);
        we_ever = we_ever || we;
        they_ever = they_ever || they;
      }
    if (they_ever && !we_ever) result.never_by_us.emplace(name);
  }
  return result;
}

}  // namespace

TEST_CASE("the default filter allows nothing beyond Docker's without a reason") {
  if (kNativeAbi != Abi::X86_64) return;  // The data of Docker's profile is for x86-64.
  const json::Value profile =
      json::parse(read_file(kTop + "/profiles/seccomp/default.json")).value();
  std::set<std::string> listed;
  for (const json::Value& entry : profile["beyond_docker"].as_array())
    for (const std::string& name : entry["names"].as_strings()) listed.insert(name);
  const Allowed allowed = compare_filters();
  CHECK(allowed.by_us_only == listed);

  const std::string text = read_file(kTop + "/docs/security-model.md");
  CHECK(allowed.never_by_us.size() > 10);
  for (const std::string& name : allowed.never_by_us) {
    CAPTURE(name);
    CHECK(text.find("`" + name + "`") != std::string::npos);
  }
}
