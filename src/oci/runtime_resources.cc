// SPDX-License-Identifier: Apache-2.0
// Limits and device rules of a runtime configuration. [runtime-spec 1.3 config-linux.md "Control
// groups" to "Unified"]
#include <algorithm>

#include "base/text.h"
#include "oci/runtime_names.h"

namespace tare::oci {
namespace {

// [linux/kdev_t.h] A device number has 12 bits of major and 20 bits of minor number.
constexpr std::int64_t kMaxMajor = (1 << 12) - 1;
constexpr std::int64_t kMaxMinor = (1 << 20) - 1;

Result<> read_device_number(const Node& node, std::int64_t most, std::uint32_t& out) {
  std::int64_t number = 0;
  TRY(node.require(number));
  if (number < 0 || number > most) return node.wrong("is no device number");
  out = static_cast<std::uint32_t>(number);
  return {};
}

// Absent means all, and Docker and podman write -1 for that.
Result<> read_any_number(const Node& node, std::int64_t most, std::optional<std::uint32_t>& out) {
  if (!node.present() || (node.value().is_int() && node.value().as_int() == -1)) return {};
  return read_device_number(node, most, out.emplace());
}

Result<> read_access(const Node& node, DeviceRule& rule) {
  std::string access;
  TRY(node.read(access));
  // What is unset means all, here as in the rule's other members.
  if (access.empty()) access = "rwm";
  if (access.find_first_not_of("rwm") != std::string::npos)
    return node.wrong(quoted(access) + " has other letters than r, w and m");
  rule.read = access.contains('r');
  rule.write = access.contains('w');
  rule.mknod = access.contains('m');
  return {};
}

Result<> read_device_rule(const Node& node, DeviceRule& rule) {
  TRY(node.check_object());
  TRY(node.at("allow").require(rule.allow));
  const Node type = node.at("type");
  std::string letter = "a";
  TRY(type.read(letter));
  if (letter.empty()) letter = "a";
  if (letter != "a" && letter != "c" && letter != "b" && letter != "u")
    return type.wrong(quoted(letter) + " is not one of a, c and b");
  rule.type = letter == "u" ? 'c' : letter[0];
  TRY(read_any_number(node.at("major"), kMaxMajor, rule.major));
  TRY(read_any_number(node.at("minor"), kMaxMinor, rule.minor));
  return read_access(node.at("access"), rule);
}

Result<> read_limit(const Node& node, std::optional<std::int64_t>& out) {
  TRY(node.read(out));
  if (out.value_or(0) < -1) return node.wrong("is below -1 (which is \"no limit\")");
  return {};
}

Result<> read_memory(const Node& node, MemoryLimits& memory) {
  TRY(node.check_object());
  TRY(read_limit(node.at("limit"), memory.limit));
  TRY(read_limit(node.at("reservation"), memory.reservation));
  TRY(read_limit(node.at("swap"), memory.swap));
  TRY(read_limit(node.at("kernel"), memory.kernel));
  TRY(read_limit(node.at("kernelTCP"), memory.kernel_tcp));
  const Node swappiness = node.at("swappiness");
  TRY(swappiness.read(memory.swappiness));
  if (memory.swappiness.value_or(0) > 100) return swappiness.wrong("is not between 0 and 100");
  TRY(node.at("disableOOMKiller").read(memory.disable_oom_killer));
  TRY(node.at("useHierarchy").read(memory.use_hierarchy));
  return node.at("checkBeforeUpdate").read(memory.check_before_update);
}

Result<> read_list(const Node& node, std::string& out) {
  TRY(node.read(out));
  if (!out.empty()) TRY(parse_number_list(out), node.path());
  return {};
}

Result<> read_cpu(const Node& node, CpuLimits& cpu) {
  TRY(node.check_object());
  TRY(node.at("shares").read(cpu.shares));
  TRY(node.at("quota").read(cpu.quota));
  const Node burst = node.at("burst");
  TRY(burst.read(cpu.burst));
  if (cpu.burst && cpu.quota.value_or(-1) > 0 &&
      *cpu.burst > static_cast<std::uint64_t>(*cpu.quota))
    return burst.wrong("is larger than the quota");
  TRY(node.at("period").read(cpu.period));
  TRY(node.at("realtimeRuntime").read(cpu.realtime_runtime));
  TRY(node.at("realtimePeriod").read(cpu.realtime_period));
  TRY(read_list(node.at("cpus"), cpu.cpus));
  TRY(read_list(node.at("mems"), cpu.mems));
  return node.at("idle").read(cpu.idle);
}

template <typename Device>
Result<> read_block_device(const Node& node, Device& device) {
  TRY(node.check_object());
  TRY(read_device_number(node.at("major"), kMaxMajor, device.major));
  return read_device_number(node.at("minor"), kMaxMinor, device.minor);
}

Result<> read_throttles(const Node& node, std::vector<BlockThrottle>& out) {
  return node.each([&](const Node& entry) -> Result<> {
    BlockThrottle& throttle = out.emplace_back();
    TRY(read_block_device(entry, throttle));
    return entry.at("rate").require(throttle.rate);
  });
}

Result<> read_block_weight(const Node& node, BlockWeight& device) {
  TRY(read_block_device(node, device));
  TRY(node.at("weight").read(device.weight));
  TRY(node.at("leafWeight").read(device.leaf_weight));
  if (!device.weight && !device.leaf_weight) return node.wrong("has neither weight nor leafWeight");
  return {};
}

Result<> read_block_io(const Node& node, BlockIoLimits& limits) {
  TRY(node.check_object());
  TRY(node.at("weight").read(limits.weight));
  TRY(node.at("leafWeight").read(limits.leaf_weight));
  const Node devices = node.at("weightDevice");
  TRY(devices.each([&](const Node& entry) -> Result<> {
    return read_block_weight(entry, limits.weight_device.emplace_back());
  }));
  TRY(read_throttles(node.at("throttleReadBpsDevice"), limits.read_bps));
  TRY(read_throttles(node.at("throttleWriteBpsDevice"), limits.write_bps));
  TRY(read_throttles(node.at("throttleReadIOPSDevice"), limits.read_iops));
  return read_throttles(node.at("throttleWriteIOPSDevice"), limits.write_iops);
}

// "<size><unit-prefix>B". It becomes part of a file's name, so nothing else passes.
bool is_page_size(std::string_view text) {
  const std::size_t digits = text.find_first_not_of("0123456789");
  if (digits == 0 || digits == std::string_view::npos) return false;
  const std::string_view unit = text.substr(digits);
  return unit == "B" || unit == "KB" || unit == "MB" || unit == "GB" || unit == "TB";
}

Result<> read_hugepages(const Node& node, std::vector<HugepageLimit>& out) {
  return node.each([&](const Node& entry) -> Result<> {
    TRY(entry.check_object());
    HugepageLimit& limit = out.emplace_back();
    const Node size = entry.at("pageSize");
    TRY(size.require(limit.page_size));
    if (!is_page_size(limit.page_size))
      return size.wrong(quoted(limit.page_size) + " is no page size like '2MB'");
    return entry.at("limit").require(limit.limit);
  });
}

Result<> read_network(const Node& node, NetworkClass& network) {
  TRY(node.check_object());
  TRY(node.at("classID").read(network.class_id));
  return node.at("priorities").each([&](const Node& entry) -> Result<> {
    TRY(entry.check_object());
    auto& [name, priority] = network.priorities.emplace_back();
    TRY(entry.at("name").require(name));
    return entry.at("priority").require(priority);
  });
}

Result<> read_rdma(const Node& node, std::map<std::string, RdmaLimit>& out) {
  return node.members([&](std::string_view device, const Node& entry) -> Result<> {
    TRY(entry.check_object());
    RdmaLimit& limit = out[std::string(device)];
    TRY(entry.at("hcaHandles").read(limit.hca_handles));
    TRY(entry.at("hcaObjects").read(limit.hca_objects));
    if (!limit.hca_handles && !limit.hca_objects)
      return entry.wrong("has neither hcaHandles nor hcaObjects");
    return {};
  });
}

// The keys become names of files in the container's cgroup, and must not lead out of it.
bool is_cgroup_file(std::string_view name) {
  if (name.empty() || name.size() > 255 || name.front() == '.') return false;
  return std::ranges::all_of(name, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-';
  });
}

Result<> read_unified(const Node& node, Resources& resources) {
  return node.members([&](std::string_view name, const Node& value) -> Result<> {
    if (!is_cgroup_file(name)) return value.wrong("is not named as a file of a cgroup is");
    return value.require(resources.unified.emplace_back(name, "").second);
  });
}

}  // namespace

Result<> read_resources(const Node& node, Resources& resources) {
  TRY(node.check_object());
  TRY(node.at("devices").each([&](const Node& rule) -> Result<> {
    return read_device_rule(rule, resources.devices.emplace_back());
  }));
  TRY(read_memory(node.at("memory"), resources.memory));
  TRY(read_cpu(node.at("cpu"), resources.cpu));
  const Node pids = node.at("pids");
  TRY(pids.check_object());
  TRY(read_limit(pids.at("limit"), resources.pids_limit));
  TRY(read_block_io(node.at("blockIO"), resources.block_io));
  TRY(read_hugepages(node.at("hugepageLimits"), resources.hugepage_limits));
  TRY(read_network(node.at("network"), resources.network));
  TRY(read_rdma(node.at("rdma"), resources.rdma));
  return read_unified(node.at("unified"), resources);
}

}  // namespace tare::oci
