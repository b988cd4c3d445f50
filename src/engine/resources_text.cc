// SPDX-License-Identifier: Apache-2.0
// Limits in the container's record and in inspect.
#include <cmath>

#include "engine/resources.h"

namespace tare::engine {
namespace {

std::int64_t number(std::uint64_t value) { return static_cast<std::int64_t>(value); }

json::Value print_devices(const std::vector<DeviceLimit>& limits, const char* path,
                          const char* value) {
  json::Array all;
  for (const DeviceLimit& each : limits) {
    json::Value one;
    one.set(path, each.path);
    one.set(value, number(each.value));
    all.push_back(std::move(one));
  }
  return all;
}

std::vector<DeviceLimit> parse_devices(const json::Value& in) {
  std::vector<DeviceLimit> all;
  for (const json::Value& one : in.as_array())
    all.push_back({.path = one["path"].as_string(),
                   .value = static_cast<std::uint64_t>(one["value"].as_int())});
  return all;
}

}  // namespace

json::Value print_resources(const Resources& resources) {
  json::Value out;
  out.set("memory", number(resources.memory_bytes));
  out.set("memorySwap", number(resources.memory_swap_bytes));
  out.set("memoryReservation", number(resources.memory_reservation_bytes));
  if (resources.memory_swappiness) out.set("memorySwappiness", *resources.memory_swappiness);
  out.set("oomKillDisable", resources.oom_kill_disable);
  out.set("cpus", resources.cpus);
  out.set("cpuPeriod", number(resources.cpu_period_us));
  out.set("cpuQuota", resources.cpu_quota_us);
  out.set("cpuShares", number(resources.cpu_shares));
  out.set("cpuRealtimePeriod", number(resources.cpu_realtime_period_us));
  out.set("cpuRealtimeRuntime", number(resources.cpu_realtime_runtime_us));
  out.set("cpusetCpus", resources.cpuset_cpus);
  out.set("cpusetMems", resources.cpuset_mems);
  if (resources.pids_limit) out.set("pidsLimit", *resources.pids_limit);
  out.set("blockWeight", static_cast<std::int64_t>(resources.block_weight));
  out.set("blockWeights", print_devices(resources.block_weights, "path", "value"));
  out.set("readBps", print_devices(resources.read_bps, "path", "value"));
  out.set("writeBps", print_devices(resources.write_bps, "path", "value"));
  out.set("readIops", print_devices(resources.read_iops, "path", "value"));
  out.set("writeIops", print_devices(resources.write_iops, "path", "value"));
  return out;
}

Resources parse_resources(const json::Value& in) {
  const auto get = [&](const char* key) { return static_cast<std::uint64_t>(in[key].as_int()); };
  Resources out;
  out.memory_bytes = get("memory");
  out.memory_swap_bytes = get("memorySwap");
  out.memory_reservation_bytes = get("memoryReservation");
  if (in.find("memorySwappiness") != nullptr)
    out.memory_swappiness = static_cast<int>(in["memorySwappiness"].as_int());
  out.oom_kill_disable = in["oomKillDisable"].as_bool();
  out.cpus = in["cpus"].as_double();
  out.cpu_period_us = get("cpuPeriod");
  out.cpu_quota_us = in["cpuQuota"].as_int();
  out.cpu_shares = get("cpuShares");
  out.cpu_realtime_period_us = get("cpuRealtimePeriod");
  out.cpu_realtime_runtime_us = get("cpuRealtimeRuntime");
  out.cpuset_cpus = in["cpusetCpus"].as_string();
  out.cpuset_mems = in["cpusetMems"].as_string();
  if (in.find("pidsLimit") != nullptr) out.pids_limit = in["pidsLimit"].as_int();
  out.block_weight = static_cast<std::uint16_t>(in["blockWeight"].as_int());
  out.block_weights = parse_devices(in["blockWeights"]);
  out.read_bps = parse_devices(in["readBps"]);
  out.write_bps = parse_devices(in["writeBps"]);
  out.read_iops = parse_devices(in["readIops"]);
  out.write_iops = parse_devices(in["writeIops"]);
  return out;
}

void describe_resources(json::Value& out, const CreateRequest& config) {
  const Resources& resources = config.resources;
  out.set("Memory", number(resources.memory_bytes));
  out.set("MemorySwap", number(resources.memory_swap_bytes));
  out.set("MemoryReservation", number(resources.memory_reservation_bytes));
  out.set("MemorySwappiness",
          resources.memory_swappiness ? json::Value(*resources.memory_swappiness) : json::Value());
  out.set("OomKillDisable", resources.oom_kill_disable);
  out.set("OomScoreAdj", config.oom_score_adj.value_or(0));
  out.set("NanoCpus", static_cast<std::int64_t>(std::llround(resources.cpus * 1e9)));
  out.set("CpuPeriod", number(resources.cpu_period_us));
  out.set("CpuQuota", resources.cpu_quota_us);
  out.set("CpuShares", number(resources.cpu_shares));
  out.set("CpuRealtimePeriod", number(resources.cpu_realtime_period_us));
  out.set("CpuRealtimeRuntime", number(resources.cpu_realtime_runtime_us));
  out.set("CpusetCpus", resources.cpuset_cpus);
  out.set("CpusetMems", resources.cpuset_mems);
  out.set("PidsLimit", resources.pids_limit.value_or(0));
  out.set("BlkioWeight", static_cast<std::int64_t>(resources.block_weight));
  out.set("BlkioWeightDevice", print_devices(resources.block_weights, "Path", "Weight"));
  out.set("BlkioDeviceReadBps", print_devices(resources.read_bps, "Path", "Rate"));
  out.set("BlkioDeviceWriteBps", print_devices(resources.write_bps, "Path", "Rate"));
  out.set("BlkioDeviceReadIOps", print_devices(resources.read_iops, "Path", "Rate"));
  out.set("BlkioDeviceWriteIOps", print_devices(resources.write_iops, "Path", "Rate"));
  json::Array rules;
  for (const std::string& rule : config.device_cgroup_rules) rules.emplace_back(rule);
  out.set("DeviceCgroupRules", rules.empty() ? json::Value() : json::Value(std::move(rules)));
  out.set("CgroupParent", config.cgroup_parent);
  out.set("CgroupnsMode", "private");
  json::Array ulimits;
  for (const auto& [name, text] : config.ulimits) {
    const auto pair = split_once(text, ':');
    const auto value = [](std::string_view part) {
      const auto parsed = parse_i64(part);
      return parsed ? *parsed : std::int64_t{-1};  // "unlimited"
    };
    json::Value one;
    one.set("Name", name);
    one.set("Soft", value(pair ? pair->first : text));
    one.set("Hard", value(pair ? pair->second : text));
    ulimits.push_back(std::move(one));
  }
  out.set("Ulimits", std::move(ulimits));
}

}  // namespace tare::engine
