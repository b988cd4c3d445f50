// SPDX-License-Identifier: Apache-2.0
// The object `linux.seccomp` of a runtime configuration, as written: names are not resolved and
// nothing is decided here. [runtime-spec 1.2 config-linux.md, "Seccomp"]
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/json.h"

namespace tare::oci {

enum class SeccompAction : std::uint8_t {
  KillThread,  // SCMP_ACT_KILL is its old name.
  KillProcess,
  Trap,
  Errno,
  Trace,
  Allow,
  Log,
  Notify
};

struct SeccompVerdict {
  SeccompAction action = SeccompAction::KillThread;
  // Only of Errno and Trace; EPERM where the document gives none.
  std::uint16_t data = 0;
  bool operator==(const SeccompVerdict&) const = default;
};

enum class SeccompOperator : std::uint8_t {
  Equal,
  NotEqual,
  Less,
  LessEqual,
  Greater,
  GreaterEqual,
  MaskedEqual
};

struct SeccompArgument {
  unsigned index = 0;  // 0..5
  SeccompOperator op = SeccompOperator::Equal;
  std::uint64_t value = 0;      // MaskedEqual: the mask.
  std::uint64_t value_two = 0;  // MaskedEqual: what must be left of the argument.
};

struct SeccompEntry {
  std::vector<std::string> names;
  SeccompVerdict verdict;
  std::vector<SeccompArgument> arguments;
};

struct SeccompProfile {
  SeccompVerdict default_verdict;
  std::vector<std::string> architectures;  // "SCMP_ARCH_X86_64"...; may be empty.
  std::vector<std::string> flags;          // "SECCOMP_FILTER_FLAG_LOG"...
  std::string listener_path;
  std::string listener_metadata;
  std::vector<SeccompEntry> entries;
};

// The whole object. Unknown members are ignored, as the specification wants; members that it has
// are of its types and values or Errors: Invalid. Whether names of calls, architectures and flags
// are known is not looked at.
Result<SeccompProfile> parse_seccomp_profile(const json::Value& value);

// Its parts, for relatives of the format: everything but the entries, and one entry. An entry may
// have one "name" instead of "names", as profiles of Docker 1.10 have.
Result<SeccompProfile> parse_seccomp_head(const json::Value& value);
Result<SeccompEntry> parse_seccomp_entry(const json::Value& value);

// What a runtime can say in `features` that it knows. [runtime-spec 1.2 features-linux.md]
std::vector<std::string> seccomp_actions();    // "SCMP_ACT_ALLOW"...
std::vector<std::string> seccomp_operators();  // "SCMP_CMP_EQ"...

}  // namespace tare::oci
