// SPDX-License-Identifier: Apache-2.0
// Profiles in the JSON format of moby and the OCI runtime specification.
// [moby profiles/seccomp/seccomp.go; runtime-spec 1.2 config-linux, "Seccomp"]
#include <linux/seccomp.h>
#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include "base/text.h"
#include "codec/json.h"
#include "policy/policy.h"
#include "policy/tables.h"

namespace tare::policy {
namespace {

constexpr std::size_t kMostRules = 4096;  // More cannot fit into 4096 instructions in any case.

std::optional<std::uint32_t> number_of(std::string_view name) {
  const auto calls = system_calls();
  const auto found = std::ranges::lower_bound(calls, name, {}, &NamedNumber::name);
  if (found == calls.end() || found->name != name) return std::nullopt;
  return found->number;
}

Result<std::uint32_t> parse_action(const std::string& name, const json::Value& errno_value,
                                   std::string_view what) {
  const std::int64_t data = errno_value.as_int(EPERM);
  if (!errno_value.is_null() && (!errno_value.is_int() || data < 0 || data > 4095))
    return fail(Kind::Invalid, std::string(what) + ": the errno is not a number from 0 to 4095");
  if (name == "SCMP_ACT_ALLOW") return std::uint32_t{SECCOMP_RET_ALLOW};
  if (name == "SCMP_ACT_LOG") return std::uint32_t{SECCOMP_RET_LOG};
  if (name == "SCMP_ACT_TRAP") return std::uint32_t{SECCOMP_RET_TRAP};
  if (name == "SCMP_ACT_KILL" || name == "SCMP_ACT_KILL_THREAD")
    return std::uint32_t{SECCOMP_RET_KILL_THREAD};
  if (name == "SCMP_ACT_KILL_PROCESS") return std::uint32_t{SECCOMP_RET_KILL_PROCESS};
  if (name == "SCMP_ACT_ERRNO") return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(data);
  if (name == "SCMP_ACT_TRACE") return SECCOMP_RET_TRACE | static_cast<std::uint32_t>(data);
  return fail(Kind::Invalid, std::string(what) + ": action " + quoted(name) + " is not supported");
}

struct Operator {
  std::string_view name;
  sys::Compare compare;
};
constexpr std::array<Operator, 7> kOperators = {{{"SCMP_CMP_EQ", sys::Compare::Equal},
                                                 {"SCMP_CMP_NE", sys::Compare::NotEqual},
                                                 {"SCMP_CMP_LT", sys::Compare::Less},
                                                 {"SCMP_CMP_LE", sys::Compare::LessEqual},
                                                 {"SCMP_CMP_GT", sys::Compare::Greater},
                                                 {"SCMP_CMP_GE", sys::Compare::GreaterEqual},
                                                 {"SCMP_CMP_MASKED_EQ", sys::Compare::Masked}}};

Result<sys::ArgumentTest> parse_test(const json::Value& arg, std::string_view what) {
  const std::string op = TRY(json::require_string(arg, "op", what));
  const auto found = std::ranges::find(kOperators, op, &Operator::name);
  if (found == kOperators.end())
    return fail(Kind::Invalid, std::string(what) + ": comparison " + quoted(op) + " is unknown");
  const std::int64_t index = TRY(json::require_int(arg, "index", what));
  if (index < 0 || index > 5)
    return fail(Kind::Invalid, std::string(what) + ": argument index " + std::to_string(index) +
                                   " is not one of 0 to 5");
  const auto value = static_cast<std::uint64_t>(arg["value"].as_int());
  const auto second = static_cast<std::uint64_t>(arg["valueTwo"].as_int());
  sys::ArgumentTest test{
      .index = static_cast<unsigned>(index), .compare = found->compare, .value = value};
  if (test.compare == sys::Compare::Masked) {  // The mask comes first, what must be left second.
    test.mask = value;
    test.value = second;
  }
  return test;
}

// "4.8" against uname's release. Only because the format asks for it; nothing of ours compares
// kernel versions.
Result<bool> kernel_is_at_least(const std::string& wanted, std::string_view what) {
  const auto numbers = [](std::string_view text) -> std::optional<std::pair<long, long>> {
    const auto parts = split_once(text, '.');
    if (!parts) return std::nullopt;
    const auto minor_end =
        std::min(parts->second.find_first_not_of("0123456789"), parts->second.size());
    const auto major = parse_u64(parts->first);
    const auto minor = parse_u64(parts->second.substr(0, minor_end));
    if (!major || !minor) return std::nullopt;
    return std::pair(static_cast<long>(*major), static_cast<long>(*minor));
  };
  utsname host{};
  if (::uname(&host) != 0) return fail_errno("uname");
  const auto have = numbers(host.release);
  const auto want = numbers(wanted);
  if (!want)
    return fail(Kind::Invalid,
                std::string(what) + ": kernel version " + quoted(wanted) + " is not like 4.8");
  return have && *have >= *want;
}

// "includes" or "excludes" of an entry.
struct Condition {
  bool empty = true;
  bool every = true;  // All that it lists is true here.
  bool any = false;   // Something of what it lists is true here.
  void add(bool fact) {
    empty = false;
    every = every && fact;
    any = any || fact;
  }
};

Result<Condition> read_condition(const json::Value& value, std::uint64_t capabilities,
                                 std::string_view what) {
  Condition condition;
  if (const auto arches = value["arches"].as_strings(); !arches.empty())
    condition.add(std::ranges::find(arches, kGoArchitecture) != arches.end());
  for (const std::string& name : value["caps"].as_strings()) {
    // A capability that we do not know is one that nobody here has.
    const auto bits = parse_capability(name);
    condition.add(bits && (*bits & ~capabilities) == 0);
  }
  if (const json::Value* kernel = value.find("minKernel");
      kernel != nullptr && !kernel->as_string().empty())
    condition.add(TRY(kernel_is_at_least(kernel->as_string(), what)));
  return condition;
}

class Reader {
 public:
  explicit Reader(std::uint64_t capabilities) : capabilities_(capabilities) {}

  Result<sys::SeccompPolicy> read(const json::Value& profile) {
    const std::string action =
        TRY(json::require_string(profile, "defaultAction", "seccomp profile"));
    policy_.architecture = kArchitecture;
    policy_.default_action =
        TRY(parse_action(action, profile["defaultErrnoRet"], "seccomp profile, default action"));
    const json::Value& entries = profile["syscalls"];
    if (!entries.is_array() && !entries.is_null())
      return fail(Kind::Invalid, "seccomp profile: \"syscalls\" is not a list");
    for (const json::Value& entry : entries.as_array()) TRY(add_entry(entry));
    // Calls that the author of the profile cannot have known are missing, not forbidden: programs
    // then take their fallback. A profile that allows by default keeps its word.
    // [runc 1.0, libcontainer/seccomp/patchbpf]
    policy_.unknown_action = policy_.default_action;
    if ((policy_.default_action & SECCOMP_RET_ACTION_FULL) != SECCOMP_RET_ALLOW)
      policy_.unknown_action = SECCOMP_RET_ERRNO | ENOSYS;
    return std::move(policy_);
  }

 private:
  Result<> add_entry(const json::Value& entry) {
    std::vector<std::string> names = entry["names"].as_strings();
    if (const std::string& name = entry["name"].as_string(); !name.empty()) names.push_back(name);
    if (names.empty())
      return fail(Kind::Invalid, "seccomp profile: an entry of \"syscalls\" names no system call");
    const std::string what = "seccomp profile, entry of " + quoted(names.front());
    for (const std::string& name : names)
      if (const auto number = number_of(name))
        policy_.highest_known = std::max(policy_.highest_known, *number);

    const Condition includes = TRY(read_condition(entry["includes"], capabilities_, what));
    const Condition excludes = TRY(read_condition(entry["excludes"], capabilities_, what));
    const std::string action_name = TRY(json::require_string(entry, "action", what));
    const std::uint32_t action = TRY(parse_action(action_name, entry["errnoRet"], what));
    std::vector<std::vector<sys::ArgumentTest>> alternatives = TRY(read_tests(entry["args"], what));
    if (!includes.every || excludes.any) return {};

    for (const std::string& name : names) {
      const auto number = number_of(name);
      if (!number) continue;  // Of another architecture, or newer than this build.
      for (const auto& tests : alternatives) policy_.rules.push_back({*number, tests, action});
      if (policy_.rules.size() > kMostRules)
        return fail(Kind::Invalid, "seccomp profile: more than 4096 rules");
    }
    return {};
  }

  // All tests of an entry must hold, unless two are about the same argument: then each is a rule of
  // its own, because the format has no other way to say "or". [runc, libcontainer/seccomp
  // matchCall]
  static Result<std::vector<std::vector<sys::ArgumentTest>>> read_tests(const json::Value& args,
                                                                        std::string_view what) {
    std::vector<sys::ArgumentTest> tests;
    std::array<int, 6> seen{};
    for (const json::Value& arg : args.as_array()) {
      tests.push_back(TRY(parse_test(arg, what)));
      ++seen[tests.back().index];
    }
    std::vector<std::vector<sys::ArgumentTest>> alternatives;
    if (std::ranges::none_of(seen, [](int count) { return count > 1; }))
      alternatives.push_back(std::move(tests));
    else
      for (const sys::ArgumentTest& test : tests) alternatives.push_back({test});
    return alternatives;
  }

  std::uint64_t capabilities_;
  sys::SeccompPolicy policy_;
};

// Only the machine's own architecture is ever let in, so a profile must be meant for it.
Result<> check_architecture(const json::Value& profile) {
  std::vector<std::string> names = profile["architectures"].as_strings();
  for (const json::Value& entry : profile["archMap"].as_array())
    names.push_back(entry["architecture"].as_string());
  if (names.empty() || std::ranges::find(names, kSeccompArchitecture) != names.end()) return {};
  return fail(Kind::Invalid, "the seccomp profile is not for this architecture, " +
                                 std::string(kSeccompArchitecture));
}

}  // namespace

Result<std::vector<sock_filter>> compile_docker_profile(std::string_view json,
                                                        std::uint64_t capabilities) {
  const json::Value profile = TRY(json::parse(json), "seccomp profile");
  if (!profile.is_object()) return fail(Kind::Invalid, "the seccomp profile is not a JSON object");
  TRY(check_architecture(profile));
  const sys::SeccompPolicy policy = TRY(Reader(capabilities).read(profile));
  return sys::compile_seccomp(policy);
}

}  // namespace tare::policy
