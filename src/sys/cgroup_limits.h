// SPDX-License-Identifier: Apache-2.0
// What a control group may be limited to: everything of the OCI runtime specification's
// linux.resources. Plain data; cgroup.h sets it. [runtime-spec 1.2: config-linux.md, "Control
// groups"]
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

namespace tare::sys {

// "No limit" where a number is asked for: -1 of Docker and OCI, "max" of version 2. Everything from
// 2^62 up means the same.
inline constexpr std::uint64_t kNoLimit = ~std::uint64_t{0};

struct BlockDevice {
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  bool operator==(const BlockDevice&) const = default;
};
struct BlockWeight {
  BlockDevice device;
  std::optional<std::uint16_t> weight;  // 10..1000
  std::optional<std::uint16_t> leaf_weight;
};
struct BlockThrottle {
  BlockDevice device;
  std::uint64_t rate = 0;  // Bytes or operations a second; 0: no limit.
};

struct HugepageLimit {
  std::string page_size;  // "2MB", "1GB", as the kernel's files are called.
  std::uint64_t bytes = 0;
};

struct DeviceRule {
  bool allow = false;
  char type = 'a';                     // 'b', 'c', or 'a' for both.
  std::optional<std::uint32_t> major;  // Without: every one.
  std::optional<std::uint32_t> minor;
  std::string access = "rwm";  // Of r, w, m (mknod).
  bool operator==(const DeviceRule&) const = default;
};

struct InterfacePriority {
  std::string name;
  std::uint32_t priority = 0;
};
struct RdmaLimit {
  std::string device;
  std::optional<std::uint32_t> handles;
  std::optional<std::uint32_t> objects;
};

struct CgroupLimits {
  std::optional<std::uint64_t> memory_bytes;
  std::optional<std::uint64_t> memory_swap_bytes;  // Memory plus swap, as Docker and OCI have it.
  bool memory_swap_if_possible = false;            // It is a default that nobody asked for.
  std::optional<std::uint64_t> memory_reservation_bytes;
  std::optional<std::uint64_t> memory_kernel_bytes;      // Kernels have it no more: a warning.
  std::optional<std::uint64_t> memory_kernel_tcp_bytes;  // The same, but of version 1 until 6.12.
  std::optional<std::uint64_t> memory_swappiness;        // 0..100, version 1 only.
  std::optional<bool> oom_kill_disable;                  // True: version 1 only.
  std::optional<bool> memory_use_hierarchy;              // False: kernels cannot do it since 5.11.
  bool memory_check_before_update = false;               // Refuse a limit below what is in use.

  std::optional<std::uint64_t> cpu_quota_us;  // Per period.
  std::optional<std::uint64_t> cpu_period_us;
  std::optional<std::uint64_t> cpu_burst_us;
  std::optional<std::uint64_t> cpu_shares;  // v1 scale, 2..262144.
  std::optional<std::uint64_t> cpu_realtime_runtime_us;
  std::optional<std::uint64_t> cpu_realtime_period_us;
  std::optional<std::int64_t> cpu_idle;  // 1: SCHED_IDLE for the whole group.
  std::string cpuset_cpus;               // "0-2,7"
  std::string cpuset_mems;

  std::optional<std::uint64_t> pids;

  std::optional<std::uint16_t> block_weight;  // 10..1000
  std::optional<std::uint16_t> block_leaf_weight;
  std::vector<BlockWeight> block_weights;
  std::vector<BlockThrottle> read_bps;
  std::vector<BlockThrottle> write_bps;
  std::vector<BlockThrottle> read_iops;
  std::vector<BlockThrottle> write_iops;

  std::vector<HugepageLimit> hugepages;
  std::vector<RdmaLimit> rdma;
  std::optional<std::uint32_t> network_class;
  std::vector<InterfacePriority> network_priorities;

  std::vector<DeviceRule> devices;             // In order, a later one wins. Empty: not filtered.
  std::map<std::string, std::string> unified;  // File of version 2 ("memory.high") and value.

  bool empty() const;
};

// The devices that every container has, as the specification lists them, behind "deny everything":
// null, zero, full, random, urandom, tty, console, ptmx, pts; and mknod of any. Rules of the
// caller's go behind them. [runtime-spec: config-linux.md, "Default Devices"; runc and crun allow
// mknod alike]
std::vector<DeviceRule> default_device_rules();
// "c 1:3 rwm", "a *:* rwm": as Docker's --device-cgroup-rule has it. Errors: Invalid.
Result<DeviceRule> parse_device_rule(std::string_view text);

}  // namespace tare::sys
