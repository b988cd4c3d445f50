// SPDX-License-Identifier: Apache-2.0
// Reads tests/seccomp/profiles/*.json, what other engines' default filters answer, as profiles; and
// lets libseccomp make filters of profiles, as runc does.
#pragma once

#include <fcntl.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/text.h"
#include "codec/json.h"
#include "oci/seccomp_profile.h"
#include "sys/fd.h"
#include "sys/files.h"

namespace tare::tests {

inline void must(bool holds, const std::string& what) {
  if (!holds) throw std::runtime_error(what);
}

inline oci::SeccompVerdict verdict_of(const std::string& answer) {
  if (answer == "allow") return {oci::SeccompAction::Allow, 0};
  for (const int number : {EPERM, ENOSYS, EINVAL})
    if (errno_name(number) == answer)
      return {oci::SeccompAction::Errno, static_cast<std::uint16_t>(number)};
  throw std::runtime_error("answer " + answer);
}

inline std::uint64_t number_in(const json::Value& value) {
  if (value.is_string()) return std::stoull(value.as_string(), nullptr, 0);
  return value.maybe_uint().value();
}

// [0, "<", 38] or [0, "&", mask, "==", rest].
inline oci::SeccompArgument argument_of(const json::Array& when) {
  static constexpr std::array<const char*, 6> kSigns = {"==", "!=", "<", "<=", ">", ">="};
  oci::SeccompArgument argument{.index = static_cast<unsigned>(when[0].as_int()),
                                .value = number_in(when[2])};
  if (when[1].as_string() == "&") {
    argument.op = oci::SeccompOperator::MaskedEqual;
    argument.value_two = number_in(when[4]);
    return argument;
  }
  for (std::size_t i = 0; i < kSigns.size(); ++i)
    if (when[1].as_string() == kSigns[i]) argument.op = static_cast<oci::SeccompOperator>(i);
  return argument;
}

struct NamedProfile {
  oci::SeccompProfile profile;
  std::vector<std::string> also_known;
};

inline NamedProfile read_profile_data(const std::string& path) {
  const sys::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const json::Value data = json::parse(sys::read_all(file.get(), 1 << 20).value()).value();
  NamedProfile result;
  result.profile.default_verdict = verdict_of(data["default"].as_string());
  result.profile.architectures = data["abis"].as_strings();
  for (const auto& [answer, names] : data["answers"].as_object())
    result.profile.entries.push_back({names.as_strings(), verdict_of(answer), {}});
  for (const json::Value& condition : data["conditions"].as_array()) {
    oci::SeccompEntry entry{
        condition["calls"].as_strings(), verdict_of(condition["answer"].as_string()), {}};
    for (const json::Value& when : condition["when"].as_array())
      entry.arguments.push_back(argument_of(when.as_array()));
    result.profile.entries.push_back(entry);
  }
  result.also_known = data["known"].as_strings();
  return result;
}

inline std::uint32_t libseccomp_action(const oci::SeccompVerdict& verdict) {
  using enum oci::SeccompAction;
  switch (verdict.action) {
    case KillThread:
      return SCMP_ACT_KILL_THREAD;
    case KillProcess:
      return SCMP_ACT_KILL_PROCESS;
    case Trap:
      return SCMP_ACT_TRAP;
    case Errno:
      return SCMP_ACT_ERRNO(verdict.data);
    case Trace:
      return SCMP_ACT_TRACE(verdict.data);
    case Allow:
      return SCMP_ACT_ALLOW;
    case Log:
      return SCMP_ACT_LOG;
    case Notify:
      return SCMP_ACT_NOTIFY;
  }
  return 0;
}

inline scmp_arg_cmp libseccomp_argument(const oci::SeccompArgument& argument) {
  static constexpr std::array kOperators = {SCMP_CMP_EQ,       SCMP_CMP_NE, SCMP_CMP_LT,
                                            SCMP_CMP_LE,       SCMP_CMP_GT, SCMP_CMP_GE,
                                            SCMP_CMP_MASKED_EQ};
  return {argument.index, kOperators[static_cast<std::size_t>(argument.op)], argument.value,
          argument.value_two};
}

// The rules of one entry for one call; -errno as libseccomp gives it.
inline int libseccomp_add(scmp_filter_ctx context, const oci::SeccompEntry& entry, int number) {
  std::array<int, 6> seen{};
  std::vector<scmp_arg_cmp> arguments;
  bool alternatives = false;
  for (const oci::SeccompArgument& argument : entry.arguments) {
    arguments.push_back(libseccomp_argument(argument));
    alternatives = alternatives || ++seen[argument.index] > 1;
  }
  const std::uint32_t action = libseccomp_action(entry.verdict);
  if (!alternatives)
    return seccomp_rule_add_array(context, action, number, static_cast<unsigned>(arguments.size()),
                                  arguments.data());
  for (const scmp_arg_cmp& argument : arguments)
    if (const int rc = seccomp_rule_add_array(context, action, number, 1, &argument); rc != 0)
      return rc;
  return 0;
}

// As runc makes it, without its stub for unknown calls. `native`: SCMP_ARCH_*, 0 for this
// machine's.
inline scmp_filter_ctx libseccomp_context(const oci::SeccompProfile& profile,
                                          std::uint32_t native) {
  const std::uint32_t default_action = libseccomp_action(profile.default_verdict);
  scmp_filter_ctx context = seccomp_init(default_action);
  must(context != nullptr, "seccomp_init");
  must(seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0, "badarch");
  if (native != 0) {
    must(seccomp_arch_remove(context, SCMP_ARCH_NATIVE) == 0, "arch_remove");
    must(seccomp_arch_add(context, native) == 0, "arch_add");
  }
  for (const std::string& name : profile.architectures) {
    std::string lower = name.substr(std::strlen("SCMP_ARCH_"));
    for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const int rc = seccomp_arch_add(context, seccomp_arch_resolve_name(lower.c_str()));
    must(rc == 0 || rc == -EEXIST, "seccomp_arch_add " + name);
  }
  for (const oci::SeccompEntry& entry : profile.entries) {
    if (entry.verdict == profile.default_verdict) continue;
    for (const std::string& name : entry.names) {
      const int number = seccomp_syscall_resolve_name(name.c_str());
      if (number == __NR_SCMP_ERROR) continue;
      const int rc = libseccomp_add(context, entry, number);
      must(rc == 0, "seccomp_rule_add " + name + ": " + std::to_string(rc));
    }
  }
  return context;
}

inline std::vector<sock_filter> libseccomp_export(scmp_filter_ctx context) {
  const sys::Fd file = sys::make_memfd("libseccomp").value();
  must(seccomp_export_bpf(context, file.get()) == 0, "seccomp_export_bpf");
  seccomp_release(context);
  must(::lseek(file.get(), 0, SEEK_SET) == 0, "lseek");
  const std::string bytes = sys::read_all(file.get(), 1 << 20).value();
  std::vector<sock_filter> program(bytes.size() / sizeof(sock_filter));
  std::memcpy(program.data(), bytes.data(), bytes.size());
  return program;
}

}  // namespace tare::tests
