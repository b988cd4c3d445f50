// SPDX-License-Identifier: Apache-2.0
// How long it takes to make a filter of a profile: ours and libseccomp's, from the same parsed
// profile, in one run; medians of interleaved rounds, and the ratio. Ours also from JSON text, and
// the default profile from its tables. Usage: bench-seccomp DIRECTORY-OF-PROFILES [ROUNDS]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>

#include "policy/policy.h"
#include "tests/seccomp/profile_data.h"

using namespace tare;

namespace {

constexpr double kGoal = 20;

double microseconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start)
      .count();
}

double median(std::vector<double> samples) {
  std::ranges::nth_element(samples, samples.begin() + static_cast<long>(samples.size() / 2));
  return samples[samples.size() / 2];
}

json::Value verdict_json(const oci::SeccompVerdict& verdict, const char* action, const char* data) {
  json::Value value;
  const bool allow = verdict.action == oci::SeccompAction::Allow;
  value.set(action, allow ? "SCMP_ACT_ALLOW" : "SCMP_ACT_ERRNO");
  if (!allow) value.set(data, static_cast<int>(verdict.data));
  return value;
}

// The profile as a runtime configuration has it.
std::string text_of(const oci::SeccompProfile& profile) {
  static constexpr const char* kOperators[] = {"EQ", "NE", "LT", "LE", "GT", "GE", "MASKED_EQ"};
  json::Value value = verdict_json(profile.default_verdict, "defaultAction", "defaultErrnoRet");
  value.set("architectures", json::Value(profile.architectures));
  json::Array entries;
  for (const oci::SeccompEntry& entry : profile.entries) {
    json::Value one = verdict_json(entry.verdict, "action", "errnoRet");
    one.set("names", json::Value(entry.names));
    for (const oci::SeccompArgument& argument : entry.arguments) {
      json::Value test;
      test.set("index", argument.index);
      test.set("value", argument.value);
      test.set("valueTwo", argument.value_two);
      test.set("op", std::string("SCMP_CMP_") + kOperators[static_cast<int>(argument.op)]);
      if (one.find("args") == nullptr) one.set("args", json::Array());
      one.set("args", json::Value(one["args"])).push(test);
    }
    entries.push_back(one);
  }
  value.set("syscalls", entries);
  return json::print(value);
}

// Prints a row; returns how many times faster ours is.
double compare(const std::string& name, const oci::SeccompProfile& profile, int rounds) {
  const std::string text = text_of(profile);
  std::vector<double> ours, from_text, theirs;
  std::size_t our_size = 0, their_size = 0;
  for (int round = 0; round < rounds; ++round) {
    ours.push_back(microseconds_of(
        [&] { our_size = policy::compile_oci_seccomp(profile).value().program.size(); }));
    from_text.push_back(microseconds_of([&] {
      const auto parsed = oci::parse_seccomp_profile(json::parse(text).value()).value();
      our_size = policy::compile_oci_seccomp(parsed).value().program.size();
    }));
    theirs.push_back(microseconds_of([&] {
      scmp_filter_ctx context = tests::libseccomp_context(profile, 0);
      seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2);  // As runc and crun do.
      their_size = tests::libseccomp_export(context).size();
    }));
  }
  const double ratio = median(theirs) / median(ours);
  std::printf("%-28s%10.1f%14.1f%14.1f%9.0f%14.0f%8zu%8zu\n", name.c_str(), median(ours),
              median(from_text), median(theirs), ratio, median(theirs) / median(from_text),
              our_size, their_size);
  return std::min(ratio, median(theirs) / median(from_text));
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) {
    std::fprintf(stderr, "usage: bench-seccomp DIRECTORY-OF-PROFILES [ROUNDS]\n");
    return 2;
  }
  const int rounds = count > 2 ? std::atoi(arguments[2]) : 300;
  std::printf("%-28s%10s%14s%14s%9s%14s%8s%8s\n", "microseconds, medians", "ours", "ours+JSON",
              "libseccomp", "ratio", "ratio+JSON", "BPF", "BPF");
  double least = 1e9;
  for (const std::string name : {"docker", "podman"}) {
    tests::NamedProfile data =
        tests::read_profile_data(std::string(arguments[1]) + "/" + name + ".json");
    oci::SeccompProfile& profile = data.profile;
    const auto others = std::exchange(profile.architectures, {});
    least = std::min(least, compare(name + ", x86_64", profile, rounds));
    profile.architectures = others;
    least = std::min(least, compare(name + ", x86_64 i386 x32", profile, rounds));
  }
  std::vector<double> tables;
  const std::uint64_t capabilities = policy::default_capabilities();
  std::size_t size = 0;
  for (int round = 0; round < rounds; ++round)
    tables.push_back(
        microseconds_of([&] { size = policy::default_seccomp(capabilities).value().size(); }));
  std::printf("%-28s%10.1f%59zu\n", "the default, from tables", median(tables), size);
  std::printf("%s  at least %.0f times faster than libseccomp, JSON included (goal: %.0f)\n",
              least >= kGoal ? "met   " : "MISSED", least, kGoal);
  return 0;
}
