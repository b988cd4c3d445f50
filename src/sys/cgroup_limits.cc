// SPDX-License-Identifier: Apache-2.0
#include "sys/cgroup_limits.h"

#include "base/text.h"

namespace tare::sys {
namespace {

constexpr std::uint32_t kMemoryDevices = 1;  // [devices.txt of the kernel]
constexpr std::uint32_t kTerminals = 5;
constexpr std::uint32_t kPseudoTerminals = 136;

Result<std::optional<std::uint32_t>> parse_device_number(std::string_view text) {
  if (text == "*") return std::optional<std::uint32_t>();
  const auto number = parse_u64(text);
  if (!number || *number > 0xffff'ffffU)
    return fail(Kind::Invalid, quoted(text) + " is no device number: a number or *");
  return std::optional(static_cast<std::uint32_t>(*number));
}

}  // namespace

bool CgroupLimits::empty() const {
  const bool memory = memory_bytes || memory_swap_bytes || memory_reservation_bytes ||
                      memory_kernel_bytes || memory_kernel_tcp_bytes || memory_swappiness ||
                      oom_kill_disable || memory_use_hierarchy;
  const bool cpu = cpu_quota_us || cpu_period_us || cpu_burst_us || cpu_shares ||
                   cpu_realtime_runtime_us || cpu_realtime_period_us || cpu_idle ||
                   !cpuset_cpus.empty() || !cpuset_mems.empty();
  const bool block = block_weight || block_leaf_weight || !block_weights.empty() ||
                     !read_bps.empty() || !write_bps.empty() || !read_iops.empty() ||
                     !write_iops.empty();
  const bool other = pids || !hugepages.empty() || !rdma.empty() || network_class ||
                     !network_priorities.empty() || !devices.empty() || !unified.empty();
  return !memory && !cpu && !block && !other;
}

std::vector<DeviceRule> default_device_rules() {
  std::vector<DeviceRule> rules;
  rules.push_back({.allow = false});
  const auto allow = [&](char type, std::optional<std::uint32_t> major,
                         std::optional<std::uint32_t> minor, const char* access = "rwm") {
    rules.push_back(
        {.allow = true, .type = type, .major = major, .minor = minor, .access = access});
  };
  allow('c', {}, {}, "m");
  allow('b', {}, {}, "m");
  for (const std::uint32_t minor : {3U, 5U, 7U, 8U, 9U}) allow('c', kMemoryDevices, minor);
  for (const std::uint32_t minor : {0U, 1U, 2U}) allow('c', kTerminals, minor);
  allow('c', kPseudoTerminals, {});
  return rules;
}

Result<DeviceRule> parse_device_rule(std::string_view text) {
  const auto bad = [&](const std::string& why) {
    return std::unexpected(Error(Kind::Invalid, "device rule " + quoted(text) + ": " + why)
                               .hint("write it as 'c 1:3 rwm': type, major:minor, access"));
  };
  const std::vector<std::string> words = split(text, ' ');
  if (words.size() != 3) return bad("three words are needed");
  DeviceRule rule{.allow = true};
  if (words[0] != "a" && words[0] != "b" && words[0] != "c") return bad("the type is a, b or c");
  rule.type = words[0][0];
  const auto numbers = split_once(words[1], ':');
  if (!numbers) return bad("the colon between major and minor is missing");
  rule.major = TRY(parse_device_number(numbers->first));
  rule.minor = TRY(parse_device_number(numbers->second));
  rule.access = words[2];
  if (rule.access.empty() || rule.access.find_first_not_of("rwm") != std::string::npos)
    return bad("the access is of r, w and m");
  return rule;
}

}  // namespace tare::sys
