// SPDX-License-Identifier: Apache-2.0
// "linux.resources" in the terms of control groups.
#include "front/oci/spec.h"

namespace tare::front_oci {
namespace {

// -1 is "no limit" there.
std::optional<std::uint64_t> limit_of(const std::optional<std::int64_t>& value) {
  if (!value) return std::nullopt;
  return *value < 0 ? sys::kNoLimit : static_cast<std::uint64_t>(*value);
}

void add_memory(sys::CgroupLimits& to, const oci::MemoryLimits& from) {
  to.memory_bytes = limit_of(from.limit);
  to.memory_swap_bytes = limit_of(from.swap);
  to.memory_reservation_bytes = limit_of(from.reservation);
  to.memory_kernel_bytes = limit_of(from.kernel);
  to.memory_kernel_tcp_bytes = limit_of(from.kernel_tcp);
  to.memory_swappiness = from.swappiness;
  to.oom_kill_disable = from.disable_oom_killer;
  to.memory_use_hierarchy = from.use_hierarchy;
  to.memory_check_before_update = from.check_before_update.value_or(false);
}

// Zero asks for nothing in these, as engines write it. [runc libcontainer/cgroups, "CpuShares !=
// 0"]
template <typename T>
std::optional<T> unless_zero(const std::optional<T>& value) {
  return value && *value == 0 ? std::nullopt : value;
}

void add_cpu(sys::CgroupLimits& to, const oci::CpuLimits& from) {
  to.cpu_shares = unless_zero(from.shares);
  if (from.quota && *from.quota != 0)
    to.cpu_quota_us = *from.quota < 0 ? sys::kNoLimit : static_cast<std::uint64_t>(*from.quota);
  to.cpu_burst_us = from.burst;
  to.cpu_period_us = unless_zero(from.period);
  if (from.realtime_runtime && *from.realtime_runtime != 0)
    to.cpu_realtime_runtime_us = limit_of(from.realtime_runtime);
  to.cpu_realtime_period_us = unless_zero(from.realtime_period);
  to.cpu_idle = from.idle;
  to.cpuset_cpus = from.cpus;
  to.cpuset_mems = from.mems;
}

std::vector<sys::BlockThrottle> throttles(const std::vector<oci::BlockThrottle>& from) {
  std::vector<sys::BlockThrottle> to;
  for (const oci::BlockThrottle& entry : from)
    to.push_back({.device = {entry.major, entry.minor}, .rate = entry.rate});
  return to;
}

void add_block_io(sys::CgroupLimits& to, const oci::BlockIoLimits& from) {
  to.block_weight = unless_zero(from.weight);
  to.block_leaf_weight = unless_zero(from.leaf_weight);
  for (const oci::BlockWeight& entry : from.weight_device)
    to.block_weights.push_back({.device = {entry.major, entry.minor},
                                .weight = entry.weight,
                                .leaf_weight = entry.leaf_weight});
  to.read_bps = throttles(from.read_bps);
  to.write_bps = throttles(from.write_bps);
  to.read_iops = throttles(from.read_iops);
  to.write_iops = throttles(from.write_iops);
}

// Everything is forbidden first, then what the caller says, then the devices that every container
// has. [runtime-spec 1.2 config-linux, "Allowed Device list", "Default Devices"]
void add_devices(sys::CgroupLimits& to, const std::vector<oci::DeviceRule>& from) {
  if (from.empty()) return;
  for (const oci::DeviceRule& rule : from) {
    std::string access;
    if (rule.read) access += 'r';
    if (rule.write) access += 'w';
    if (rule.mknod) access += 'm';
    to.devices.push_back({.allow = rule.allow,
                          .type = rule.type,
                          .major = rule.major,
                          .minor = rule.minor,
                          .access = access.empty() ? "rwm" : access});
  }
  for (sys::DeviceRule& rule : sys::default_device_rules())
    if (rule.allow) to.devices.push_back(std::move(rule));
}

}  // namespace

sys::CgroupLimits make_limits(const oci::Resources& resources) {
  sys::CgroupLimits limits;
  add_memory(limits, resources.memory);
  add_cpu(limits, resources.cpu);
  // Zero is what engines write for "not asked for". [runc, "PidsLimit"]
  if (resources.pids_limit && *resources.pids_limit != 0)
    limits.pids = limit_of(resources.pids_limit);
  add_block_io(limits, resources.block_io);
  add_devices(limits, resources.devices);
  for (const oci::HugepageLimit& entry : resources.hugepage_limits)
    limits.hugepages.push_back({.page_size = entry.page_size, .bytes = entry.limit});
  for (const auto& [device, limit] : resources.rdma)
    limits.rdma.push_back(
        {.device = device, .handles = limit.hca_handles, .objects = limit.hca_objects});
  limits.network_class = resources.network.class_id;
  for (const auto& [name, priority] : resources.network.priorities)
    limits.network_priorities.push_back({.name = name, .priority = priority});
  for (const auto& [file, value] : resources.unified) limits.unified[file] = value;
  return limits;
}

}  // namespace tare::front_oci
