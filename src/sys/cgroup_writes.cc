// SPDX-License-Identifier: Apache-2.0
#include "sys/cgroup_writes.h"

#include <fmt/format.h>

#include <algorithm>

#include "sys/cgroup_files.h"

namespace tare::sys::cgroups {
namespace {

using Writes = std::vector<Write>;

Write only_v1(std::string_view limit) {
  return {.limit = limit,
          .refused = fmt::format("version 2 of control groups, which this host has, has none")};
}

std::string number(std::uint64_t value, Version version) {
  return version == Version::V1 ? v1_number(value) : v2_number(value);
}

// Version 2 counts swap apart; what OCI and Docker give is both together.
std::string swap_alone(const CgroupLimits& limits) {
  const std::uint64_t both = *limits.memory_swap_bytes;
  std::string unlimited = v2_number(both);
  if (unlimited == "max") return unlimited;
  return v2_number(both - std::min(both, limits.memory_bytes.value_or(0)));
}

void add_kernel_memory(Writes& out, const CgroupLimits& limits, Version version) {
  const auto add = [&](const std::optional<std::uint64_t>& bytes, const char* file,
                       const char* name) {
    if (!bytes) return;
    out.push_back({.limit = name,
                   .file = version == Version::V1 ? file : "",
                   .value = v1_number(*bytes),
                   .warning = fmt::format("the {} limit is ignored: this kernel has it no more, "
                                          "the memory limit counts kernel memory, too",
                                          name)});
  };
  add(limits.memory_kernel_bytes, "memory.kmem.limit_in_bytes", "kernel memory");
  add(limits.memory_kernel_tcp_bytes, "memory.kmem.tcp.limit_in_bytes", "kernel TCP memory");
}

void add_memory_rest(Writes& out, const CgroupLimits& limits, Version version) {
  const bool v1 = version == Version::V1;
  if (limits.memory_swappiness) {
    out.push_back(v1 ? Write{.limit = "swappiness",
                             .file = "memory.swappiness",
                             .value = std::to_string(*limits.memory_swappiness)}
                     : only_v1("swappiness"));
  }
  // False is what every group has.
  if (limits.oom_kill_disable.value_or(false) || (limits.oom_kill_disable && v1))
    out.push_back(v1 ? Write{.limit = "OOM kill",
                             .file = "memory.oom_control",
                             .value = *limits.oom_kill_disable ? "1" : "0"}
                     : only_v1("OOM kill"));
  // Every group counts its children since Linux 5.11, and always did in version 2.
  if (limits.memory_use_hierarchy && !*limits.memory_use_hierarchy)
    out.push_back(
        {.limit = "memory", .refused = "memory without those of groups below is no more"});
}

Writes memory_writes(const CgroupLimits& limits, Version version) {
  const bool v1 = version == Version::V1;
  Writes out;
  if (limits.memory_bytes)
    out.push_back({.limit = "memory",
                   .file = v1 ? "memory.limit_in_bytes" : "memory.max",
                   .value = number(*limits.memory_bytes, version)});
  if (limits.memory_swap_bytes) {
    const bool unlimited = v1_number(*limits.memory_swap_bytes) == "-1";
    out.push_back({.limit = "memory and swap",
                   .file = v1 ? "memory.memsw.limit_in_bytes" : "memory.swap.max",
                   .value = v1 ? v1_number(*limits.memory_swap_bytes) : swap_alone(limits),
                   .optional = unlimited || limits.memory_swap_if_possible});
  }
  if (limits.memory_reservation_bytes)
    out.push_back({.limit = "memory reservation",
                   .file = v1 ? "memory.soft_limit_in_bytes" : "memory.low",
                   .value = number(*limits.memory_reservation_bytes, version)});
  add_kernel_memory(out, limits, version);
  add_memory_rest(out, limits, version);
  return out;
}

void add_bandwidth(Writes& out, const CgroupLimits& limits, Version version) {
  if (version == Version::V2) {
    // The quota alone keeps the period as it is; the other way round cgroup_apply.cc has read the
    // quota that is set. [cgroup-v2.rst, cpu.max]
    if (limits.cpu_quota_us || limits.cpu_period_us) {
      std::string value = v2_number(limits.cpu_quota_us.value_or(kNoLimit));
      if (limits.cpu_period_us) value += fmt::format(" {}", *limits.cpu_period_us);
      out.push_back({.limit = "CPU", .file = "cpu.max", .value = value});
    }
    if (limits.cpu_burst_us)
      out.push_back({.limit = "CPU burst",
                     .file = "cpu.max.burst",
                     .value = std::to_string(*limits.cpu_burst_us)});
    return;
  }
  if (limits.cpu_period_us)
    out.push_back({.limit = "CPU",
                   .file = "cpu.cfs_period_us",
                   .value = std::to_string(*limits.cpu_period_us)});
  if (limits.cpu_quota_us)
    out.push_back(
        {.limit = "CPU", .file = "cpu.cfs_quota_us", .value = v1_number(*limits.cpu_quota_us)});
  if (limits.cpu_burst_us)
    out.push_back({.limit = "CPU burst",
                   .file = "cpu.cfs_burst_us",
                   .value = std::to_string(*limits.cpu_burst_us)});
}

// Version 2 has no groups of real-time processes; zero is none asked for.
void add_realtime(Writes& out, const CgroupLimits& limits, Version version) {
  const auto add = [&](const std::optional<std::uint64_t>& value, const char* file) {
    if (!value || (version == Version::V2 && *value == 0)) return;
    out.push_back(
        version == Version::V1
            ? Write{.limit = "real-time CPU", .file = file, .value = std::to_string(*value)}
            : only_v1("real-time CPU"));
  };
  add(limits.cpu_realtime_period_us, "cpu.rt_period_us");
  add(limits.cpu_realtime_runtime_us, "cpu.rt_runtime_us");
}

Writes cpu_writes(const CgroupLimits& limits, Version version) {
  Writes out;
  if (limits.cpu_shares && *limits.cpu_shares != 0)
    out.push_back(version == Version::V1
                      ? Write{.limit = "CPU share",
                              .file = "cpu.shares",
                              .value = std::to_string(*limits.cpu_shares)}
                      : Write{.limit = "CPU share",
                              .file = "cpu.weight",
                              .value = std::to_string(weight_of_shares(*limits.cpu_shares))});
  add_bandwidth(out, limits, version);
  add_realtime(out, limits, version);
  if (limits.cpu_idle)
    out.push_back(
        {.limit = "CPU idle", .file = "cpu.idle", .value = std::to_string(*limits.cpu_idle)});
  return out;
}

Writes cpuset_writes(const CgroupLimits& limits, Version) {
  Writes out;
  if (!limits.cpuset_cpus.empty())
    out.push_back({.limit = "processor", .file = "cpuset.cpus", .value = limits.cpuset_cpus});
  if (!limits.cpuset_mems.empty())
    out.push_back({.limit = "memory node", .file = "cpuset.mems", .value = limits.cpuset_mems});
  return out;
}

Writes pids_writes(const CgroupLimits& limits, Version) {
  if (!limits.pids) return {};
  return {{.limit = "process", .file = "pids.max", .value = v2_number(*limits.pids)}};
}

std::string device_text(const BlockDevice& device) {
  return fmt::format("{}:{}", device.major, device.minor);
}

void add_weights(Writes& out, const CgroupLimits& limits, Version version) {
  const bool v1 = version == Version::V1;
  constexpr std::string_view kLimit = "disk weight";
  const auto add = [&](const std::string& device, std::uint64_t weight) {
    // The names of the BFQ scheduler, the only one with weights left in version 1, and those that
    // came before it or, in version 2, of io.cost.
    const std::string before = device.empty() ? "" : device + " ";
    const std::string suffix = v1 && !device.empty() ? "_device" : "";
    out.push_back({.limit = kLimit,
                   .file = (v1 ? "blkio.bfq.weight" : "io.bfq.weight") + suffix,
                   .value = before + std::to_string(weight),
                   .other_file = (v1 ? "blkio.weight" : "io.weight") + suffix,
                   .other_value = before + std::to_string(v1 ? weight : io_weight(weight))});
  };
  const auto add_leaf = [&](const std::string& device, std::uint64_t weight) {
    const std::string suffix = device.empty() ? "" : "_device";
    const std::string before = device.empty() ? "" : device + " ";
    out.push_back(v1 ? Write{.limit = "disk leaf weight",
                             .file = "blkio.leaf_weight" + suffix,
                             .value = before + std::to_string(weight)}
                     : only_v1("disk leaf weight"));
  };
  if (limits.block_weight && *limits.block_weight != 0) add("", *limits.block_weight);
  if (limits.block_leaf_weight && *limits.block_leaf_weight != 0)
    add_leaf("", *limits.block_leaf_weight);
  for (const BlockWeight& each : limits.block_weights) {
    if (each.weight) add(device_text(each.device), *each.weight);
    if (each.leaf_weight) add_leaf(device_text(each.device), *each.leaf_weight);
  }
}

Writes block_writes(const CgroupLimits& limits, Version version) {
  Writes out;
  add_weights(out, limits, version);
  const auto add = [&](const std::vector<BlockThrottle>& throttles, std::string_view limit,
                       const char* v1_file, const char* v2_key) {
    for (const BlockThrottle& each : throttles) {
      const std::string device = device_text(each.device);
      if (version == Version::V1) {
        out.push_back({.limit = limit,
                       .file = fmt::format("blkio.throttle.{}_device", v1_file),
                       .value = fmt::format("{} {}", device, each.rate)});
      } else {
        const std::string rate = each.rate == 0 ? "max" : v2_number(each.rate);
        out.push_back({.limit = limit,
                       .file = "io.max",
                       .value = fmt::format("{} {}={}", device, v2_key, rate)});
      }
    }
  };
  add(limits.read_bps, "disk read", "read_bps", "rbps");
  add(limits.write_bps, "disk write", "write_bps", "wbps");
  add(limits.read_iops, "disk read", "read_iops", "riops");
  add(limits.write_iops, "disk write", "write_iops", "wiops");
  return out;
}

Writes hugepage_writes(const CgroupLimits& limits, Version version) {
  Writes out;
  for (const HugepageLimit& each : limits.hugepages) {
    const char* end = version == Version::V1 ? "limit_in_bytes" : "max";
    const auto add = [&](const char* middle, bool optional) {
      out.push_back({.limit = "huge page",
                     .file = fmt::format("hugetlb.{}.{}{}", each.page_size, middle, end),
                     .value = number(each.bytes, version),
                     .optional = optional});
    };
    add("", false);
    add("rsvd.", true);  // Reserved but not yet used ones, Linux 5.7.
  }
  return out;
}

Writes rdma_writes(const CgroupLimits& limits, Version) {
  Writes out;
  for (const RdmaLimit& each : limits.rdma) {
    std::string value = each.device;
    if (each.handles) value += fmt::format(" hca_handle={}", *each.handles);
    if (each.objects) value += fmt::format(" hca_object={}", *each.objects);
    out.push_back({.limit = "RDMA", .file = "rdma.max", .value = value});
  }
  return out;
}

Writes class_writes(const CgroupLimits& limits, Version version) {
  if (!limits.network_class) return {};
  if (version == Version::V2) return {only_v1("network class")};
  return {{.limit = "network class",
           .file = "net_cls.classid",
           .value = std::to_string(*limits.network_class)}};
}

Writes priority_writes(const CgroupLimits& limits, Version version) {
  if (limits.network_priorities.empty()) return {};
  if (version == Version::V2) return {only_v1("network priority")};
  Writes out;
  for (const InterfacePriority& each : limits.network_priorities)
    out.push_back({.limit = "network priority",
                   .file = "net_prio.ifpriomap",
                   .value = fmt::format("{} {}", each.name, each.priority)});
  return out;
}

// Anything of version 2 by its file's name; a path would leave the group.
Writes unified_writes(const CgroupLimits& limits, Version version) {
  Writes out;
  for (const auto& [file, value] : limits.unified) {
    Write write{.limit = file, .file = file, .value = value};
    if (version == Version::V1)
      write.refused = "it is of version 2 of control groups, which has no such controller here";
    else if (file.empty() || file.find('/') != std::string::npos || file.starts_with("cgroup.") ||
             file.find('\0') != std::string::npos || file.find('.') == std::string::npos)
      write.refused = "its name is not that of a controller's file";
    out.push_back(std::move(write));
  }
  return out;
}

}  // namespace

std::vector<Controller> controllers() {
  return {{"cpuset", "cpuset", cpuset_writes}, {"memory", "memory", memory_writes},
          {"cpu", "cpu", cpu_writes},          {"pids", "pids", pids_writes},
          {"blkio", "io", block_writes},       {"hugetlb", "hugetlb", hugepage_writes},
          {"rdma", "rdma", rdma_writes},       {"net_cls", "", class_writes},
          {"net_prio", "", priority_writes},   {"", "*", unified_writes}};
}

std::uint64_t weight_of_shares(std::uint64_t shares) {
  const std::uint64_t clamped = std::clamp<std::uint64_t>(shares, 2, 262'144);
  return 1 + (clamped - 2) * 9999 / 262'142;
}

std::uint64_t io_weight(std::uint64_t weight) {
  const std::uint64_t clamped = std::clamp<std::uint64_t>(weight, 10, 1000);
  return 1 + (clamped - 10) * 9999 / 990;
}

}  // namespace tare::sys::cgroups
