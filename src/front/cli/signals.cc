// SPDX-License-Identifier: Apache-2.0
#include <csignal>
#include <cstring>

#include "base/text.h"
#include "front/cli/request.h"

namespace tare::cli {
namespace {

// 0 when there is none. `name` is in capitals, without "SIG".
int signal_by_name(std::string_view name) {
  if (name == "IOT") return SIGABRT;
  if (name == "POLL") return SIGIO;
  if (name == "CLD") return SIGCHLD;
  for (int number = 1; number < SIGRTMIN; ++number)
    if (const char* known = ::sigabbrev_np(number); known != nullptr && name == known)
      return number;
  for (const auto& [prefix, base, sign] :
       {std::tuple("RTMIN", SIGRTMIN, 1), std::tuple("RTMAX", SIGRTMAX, -1)}) {
    if (!name.starts_with(prefix)) continue;
    std::string_view offset = name.substr(std::strlen(prefix));
    if (offset.empty()) return base;
    if (offset.front() != (sign > 0 ? '+' : '-')) return 0;
    const auto value = parse_u64(offset.substr(1));
    if (value && *value <= static_cast<std::uint64_t>(SIGRTMAX - SIGRTMIN))
      return base + sign * static_cast<int>(*value);
  }
  return 0;
}

}  // namespace

Result<int> parse_signal(std::string_view text) {
  if (const auto number = parse_u64(text)) {
    if (*number >= 1 && *number <= static_cast<std::uint64_t>(SIGRTMAX))
      return static_cast<int>(*number);
    return fail(Kind::Invalid, "there is no signal " + std::string(text));
  }
  std::string name(text);
  for (char& c : name)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  if (name.starts_with("SIG")) name.erase(0, 3);
  if (const int number = signal_by_name(name)) return number;
  std::vector<std::string> known;
  for (int number = 1; number < SIGRTMIN; ++number)
    if (const char* abbreviation = ::sigabbrev_np(number)) known.emplace_back(abbreviation);
  Error error(Kind::Invalid, "there is no signal " + quoted(text));
  if (const auto close = nearest(name, known))
    return std::unexpected(std::move(error).hint("did you mean " + *close + "?"));
  return std::unexpected(std::move(error));
}

}  // namespace tare::cli
