// SPDX-License-Identifier: Apache-2.0
#include "sys/cgroup_devices.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "sys/fd.h"

namespace tare::sys::cgroups {
namespace {

bool is_everything(const DeviceRule& rule) {
  const auto has = [&](char kind) { return rule.access.find(kind) != std::string::npos; };
  return rule.type == 'a' && !rule.major && !rule.minor && has('r') && has('w') && has('m');
}

bool overlaps(const std::optional<std::uint32_t>& a, const std::optional<std::uint32_t>& b) {
  return !a || !b || *a == *b;
}

// Whether some access is named by both.
bool overlaps(const DeviceRule& a, const DeviceRule& b) {
  return a.type == b.type && overlaps(a.major, b.major) && overlaps(a.minor, b.minor) &&
         a.access.find_first_of(b.access) != std::string::npos;
}
bool same_devices(const DeviceRule& a, const DeviceRule& b) {
  return a.type == b.type && a.major == b.major && a.minor == b.minor;
}

// Version 1 takes "a" for all access to all devices, whatever stands behind it.
std::vector<DeviceRule> without_both_types(const DeviceRule& rule) {
  if (rule.type != 'a') return {rule};
  DeviceRule character = rule;
  DeviceRule block = rule;
  character.type = 'c';
  block.type = 'b';
  return {character, block};
}

std::string device_number(const std::optional<std::uint32_t>& number) {
  return number ? std::to_string(*number) : "*";
}

// The rules behind the last one that is about everything; `allow` is what that one says.
std::vector<DeviceRule> behind_default(const std::vector<DeviceRule>& rules, bool& allow) {
  allow = false;
  std::vector<DeviceRule> rest;
  for (const DeviceRule& rule : rules) {
    if (is_everything(rule)) {
      allow = rule.allow;
      rest.clear();
    } else {
      const auto typed = without_both_types(rule);
      rest.insert(rest.end(), typed.begin(), typed.end());
    }
  }
  return rest;
}

}  // namespace

std::optional<std::vector<DeviceWrite>> device_writes(const std::vector<DeviceRule>& rules) {
  bool allow = false;
  const std::vector<DeviceRule> rest = behind_default(rules, allow);
  std::vector<DeviceWrite> writes{{.allow = allow, .value = "a"}};
  std::vector<DeviceRule> exceptions;
  for (const DeviceRule& rule : rest) {
    if (rule.allow == allow) {
      // Takes back exceptions; the kernel does so only for exactly the same devices.
      bool takes_back = false;
      for (const DeviceRule& exception : exceptions) {
        if (!overlaps(exception, rule)) continue;
        if (!same_devices(exception, rule)) return std::nullopt;
        takes_back = true;
      }
      if (!takes_back) continue;
    } else {
      exceptions.push_back(rule);
    }
    writes.push_back({.allow = rule.allow,
                      .value = fmt::format("{} {}:{} {}", rule.type, device_number(rule.major),
                                           device_number(rule.minor), rule.access)});
  }
  return writes;
}

Result<> set_devices_v1(const std::string& directory, const std::vector<DeviceWrite>& writes) {
  const Fd allow = TRY(open_path(directory + "/devices.allow", O_WRONLY));
  const Fd deny = TRY(open_path(directory + "/devices.deny", O_WRONLY));
  for (const DeviceWrite& each : writes) {
    const int file = each.allow ? allow.get() : deny.get();
    if (::write(file, each.value.data(), each.value.size()) < 0)
      return fail_errno((each.allow ? "allow device " : "deny device ") + quoted(each.value) +
                        " in " + directory);
  }
  return {};
}

}  // namespace tare::sys::cgroups
