// SPDX-License-Identifier: Apache-2.0
// Profiles in moby's JSON format: those of OCI, and conditions for whom an entry is.
// [moby profiles/seccomp/seccomp.go]
#include <linux/seccomp.h>
#include <sys/utsname.h>

#include <algorithm>
#include <iterator>
#include <optional>

#include "base/text.h"
#include "codec/json.h"
#include "policy/oci_seccomp.h"

namespace tare::policy {
namespace {

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

std::string name_of(const oci::SeccompEntry& entry) {
  return "seccomp profile, entry of " + quoted(entry.names.front());
}

// The entries that count for these capabilities go to `profile`, the names of others to
// `also_known`.
Result<> read_entries(const json::Value& value, std::uint64_t capabilities,
                      oci::SeccompProfile& profile, std::vector<std::string>& also_known) {
  for (const json::Value& member : value["syscalls"].as_array()) {
    oci::SeccompEntry entry = TRY(oci::parse_seccomp_entry(member));
    const std::string what = name_of(entry);
    const Condition includes = TRY(read_condition(member["includes"], capabilities, what));
    const Condition excludes = TRY(read_condition(member["excludes"], capabilities, what));
    if (includes.every && !excludes.any)
      profile.entries.push_back(std::move(entry));
    else
      std::ranges::move(entry.names, std::back_inserter(also_known));
  }
  return {};
}

// The ABIs that a profile is for: "architectures", or those that its "archMap" gives to this
// machine's. A list without this machine's own is not meant for it.
Result<> read_architectures(const json::Value& value, oci::SeccompProfile& profile) {
  const std::string_view native = facts_of(kNativeAbi).name;
  const json::Array& map = value["archMap"].as_array();
  if (map.empty() && profile.architectures.empty()) return {};
  for (const json::Value& entry : map) {
    if (entry["architecture"].as_string() != native) continue;
    profile.architectures = entry["subArchitectures"].as_strings();
    return {};
  }
  if (std::ranges::find(profile.architectures, native) != profile.architectures.end()) return {};
  return fail(Kind::Invalid,
              "the seccomp profile is not for this architecture, " + std::string(native));
}

}  // namespace

Result<std::vector<sock_filter>> compile_docker_profile(std::string_view json,
                                                        std::uint64_t capabilities) {
  const json::Value value = TRY(json::parse(json), "seccomp profile");
  oci::SeccompProfile profile = TRY(oci::parse_seccomp_head(value));
  TRY(read_architectures(value, profile));
  std::vector<std::string> also_known;
  TRY(read_entries(value, capabilities, profile, also_known));
  CompiledSeccomp compiled = TRY(compile_profile(profile, kNativeAbi, also_known));
  // All threads get the filter in any case: there is one.
  if (compiled.listener)
    return fail(Kind::Unsupported,
                "the seccomp profile asks for SCMP_ACT_NOTIFY, for which there is "
                "no listener");
  if ((compiled.flags & ~SECCOMP_FILTER_FLAG_TSYNC) != 0)
    return fail(Kind::Unsupported,
                "the seccomp profile asks for flags of seccomp(2), which are taken "
                "from runtime configurations only");
  return std::move(compiled.program);
}

}  // namespace tare::policy
