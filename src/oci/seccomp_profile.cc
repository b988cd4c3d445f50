// SPDX-License-Identifier: Apache-2.0
#include "oci/seccomp_profile.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "base/text.h"

namespace tare::oci {
namespace {

constexpr std::string_view kProfile = "seccomp profile";
// More cannot fit into a filter of 4096 instructions in any case.
constexpr std::size_t kMostEntries = 4096;
constexpr std::size_t kMostNames = 4096;

template <typename T, std::size_t N>
using Words = std::array<std::pair<std::string_view, T>, N>;

constexpr Words<SeccompAction, 9> kActions = {
    {{"SCMP_ACT_ALLOW", SeccompAction::Allow},
     {"SCMP_ACT_ERRNO", SeccompAction::Errno},
     {"SCMP_ACT_KILL", SeccompAction::KillThread},
     {"SCMP_ACT_KILL_THREAD", SeccompAction::KillThread},
     {"SCMP_ACT_KILL_PROCESS", SeccompAction::KillProcess},
     {"SCMP_ACT_TRAP", SeccompAction::Trap},
     {"SCMP_ACT_TRACE", SeccompAction::Trace},
     {"SCMP_ACT_LOG", SeccompAction::Log},
     {"SCMP_ACT_NOTIFY", SeccompAction::Notify}}};

constexpr Words<SeccompOperator, 7> kOperators = {
    {{"SCMP_CMP_EQ", SeccompOperator::Equal},
     {"SCMP_CMP_NE", SeccompOperator::NotEqual},
     {"SCMP_CMP_LT", SeccompOperator::Less},
     {"SCMP_CMP_LE", SeccompOperator::LessEqual},
     {"SCMP_CMP_GT", SeccompOperator::Greater},
     {"SCMP_CMP_GE", SeccompOperator::GreaterEqual},
     {"SCMP_CMP_MASKED_EQ", SeccompOperator::MaskedEqual}}};

std::unexpected<Error> invalid(std::string_view what, std::string_view why) {
  return fail(Kind::Invalid, std::string(what) + ": " + std::string(why));
}

template <typename T, std::size_t N>
Result<T> find_word(const Words<T, N>& words, const json::Value& object, std::string_view key,
                    std::string_view what) {
  const json::Value& value = object[key];
  if (!value.is_string()) return invalid(what, quoted(key) + " is missing or not a string");
  for (const auto& [word, meaning] : words)
    if (word == value.as_string()) return meaning;
  return invalid(what, quoted(key) + " " + quoted(value.as_string()) + " is unknown");
}

Result<SeccompVerdict> parse_verdict(const json::Value& object, std::string_view action_key,
                                     std::string_view errno_key, std::string_view what) {
  SeccompVerdict verdict;
  verdict.action = TRY(find_word(kActions, object, action_key, what));
  const bool is_errno = verdict.action == SeccompAction::Errno;
  const bool has_data = is_errno || verdict.action == SeccompAction::Trace;
  if (has_data) verdict.data = EPERM;
  const json::Value& given = object[errno_key];
  if (given.is_null()) return verdict;
  if (!has_data)
    return invalid(what, quoted(errno_key) + " belongs to SCMP_ACT_ERRNO and SCMP_ACT_TRACE, not " +
                             object[action_key].as_string());
  // The kernel cuts an errno to 4095 and has 16 bits for a tracer. [seccomp(2), MAX_ERRNO]
  const std::uint64_t most = is_errno ? 4095 : 65535;
  const auto data = given.maybe_uint();
  if (!data || *data > most)
    return invalid(what, quoted(errno_key) + " is not a number from 0 to " + std::to_string(most));
  verdict.data = static_cast<std::uint16_t>(*data);
  return verdict;
}

Result<std::vector<std::string>> parse_strings(const json::Value& object, std::string_view key,
                                               std::string_view what) {
  std::vector<std::string> strings;
  const json::Value& value = object[key];
  if (value.is_null()) return strings;
  const json::Array& array = value.as_array();
  if (!value.is_array() || !std::ranges::all_of(array, &json::Value::is_string))
    return invalid(what, quoted(key) + " is not a list of strings");
  if (array.size() > kMostNames) return invalid(what, quoted(key) + " has more than 4096 members");
  strings.reserve(array.size());
  for (const json::Value& member : array) strings.push_back(member.as_string());
  return strings;
}

Result<std::string> parse_string(const json::Value& object, std::string_view key) {
  const json::Value& value = object[key];
  if (!value.is_null() && !value.is_string())
    return invalid(kProfile, quoted(key) + " is not a string");
  return value.as_string();
}

Result<SeccompArgument> parse_argument(const json::Value& value, std::string_view what) {
  SeccompArgument argument;
  argument.op = TRY(find_word(kOperators, value, "op", what));
  const auto index = value["index"].maybe_uint();
  if (!index || *index > 5)
    return invalid(what, "\"index\" of an argument is not a number from 0 to 5");
  argument.index = static_cast<unsigned>(*index);
  const auto first = value["value"].maybe_uint();
  const json::Value& two = value["valueTwo"];
  const auto second = two.is_null() ? std::uint64_t{0} : two.maybe_uint();
  if (!first || !second)
    return invalid(what, "\"value\" and \"valueTwo\" of an argument are whole numbers of 64 bits");
  argument.value = *first;
  argument.value_two = *second;
  return argument;
}

template <typename T, std::size_t N>
std::vector<std::string> all_words(const Words<T, N>& words) {
  std::vector<std::string> all;
  for (const auto& [word, meaning] : words) all.emplace_back(word);
  return all;
}

}  // namespace

std::vector<std::string> seccomp_actions() { return all_words(kActions); }
std::vector<std::string> seccomp_operators() { return all_words(kOperators); }

Result<SeccompEntry> parse_seccomp_entry(const json::Value& value) {
  constexpr std::string_view kEntry = "seccomp profile, entry of \"syscalls\"";
  if (!value.is_object()) return invalid(kEntry, "it is not an object");
  SeccompEntry entry;
  entry.names = TRY(parse_strings(value, "names", kEntry));
  if (const std::string& name = value["name"].as_string(); !name.empty())
    entry.names.push_back(name);
  if (entry.names.empty()) return invalid(kEntry, "it names no system call");
  const std::string what = "seccomp profile, entry of " + quoted(entry.names.front());
  entry.verdict = TRY(parse_verdict(value, "action", "errnoRet", what));
  const json::Value& arguments = value["args"];
  if (!arguments.is_null() && !arguments.is_array()) return invalid(what, "\"args\" is not a list");
  for (const json::Value& argument : arguments.as_array())
    entry.arguments.push_back(TRY(parse_argument(argument, what)));
  return entry;
}

Result<SeccompProfile> parse_seccomp_head(const json::Value& value) {
  if (!value.is_object()) return invalid(kProfile, "it is not a JSON object");
  SeccompProfile profile;
  profile.default_verdict = TRY(parse_verdict(value, "defaultAction", "defaultErrnoRet", kProfile));
  profile.architectures = TRY(parse_strings(value, "architectures", kProfile));
  profile.flags = TRY(parse_strings(value, "flags", kProfile));
  profile.listener_path = TRY(parse_string(value, "listenerPath"));
  profile.listener_metadata = TRY(parse_string(value, "listenerMetadata"));
  if (!profile.listener_metadata.empty() && profile.listener_path.empty())
    return invalid(kProfile, "\"listenerMetadata\" is there without \"listenerPath\"");
  const json::Value& entries = value["syscalls"];
  if (!entries.is_null() && !entries.is_array())
    return invalid(kProfile, "\"syscalls\" is not a list");
  if (entries.as_array().size() > kMostEntries)
    return invalid(kProfile, "\"syscalls\" has more than 4096 entries");
  return profile;
}

Result<SeccompProfile> parse_seccomp_profile(const json::Value& value) {
  SeccompProfile profile = TRY(parse_seccomp_head(value));
  const json::Array& entries = value["syscalls"].as_array();
  profile.entries.reserve(entries.size());
  for (const json::Value& entry : entries)
    profile.entries.push_back(TRY(parse_seccomp_entry(entry)));
  return profile;
}

}  // namespace tare::oci
