// SPDX-License-Identifier: Apache-2.0
// What a control group used: read from version 2, version 1 or both, one shape for all.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sys/cgroup_limits.h"

namespace tare::sys {

// Pressure stall information: the share of time, in percent, in which some or all tasks waited.
// [Documentation/accounting/psi.rst]
struct Pressure {
  struct Line {
    double avg10 = 0;
    double avg60 = 0;
    double avg300 = 0;
    std::uint64_t total_us = 0;
  };
  Line some;
  Line full;
};

struct CgroupStats {
  struct Cpu {
    std::uint64_t total_ns = 0;
    std::uint64_t user_ns = 0;
    std::uint64_t system_ns = 0;
    std::vector<std::uint64_t> per_cpu_ns;  // Version 1 only.
    std::uint64_t periods = 0;
    std::uint64_t throttled_periods = 0;
    std::uint64_t throttled_ns = 0;
  };
  struct Memory {
    std::uint64_t usage = 0;
    std::uint64_t limit = kNoLimit;
    std::uint64_t max_usage = 0;
    std::uint64_t failures = 0;    // How often the limit was hit.
    std::uint64_t swap_usage = 0;  // Version 1: memory and swap together.
    std::uint64_t swap_limit = kNoLimit;
    std::uint64_t cache = 0;          // File pages.
    std::uint64_t rss = 0;            // Anonymous pages.
    std::uint64_t inactive_file = 0;  // Docker takes these off its usage.
    std::uint64_t kernel_usage = 0;
    std::uint64_t oom_kills = 0;
    std::map<std::string, std::uint64_t> stat;  // memory.stat as it is.
  };
  struct Pids {
    std::uint64_t current = 0;
    std::uint64_t limit = kNoLimit;
  };
  struct Io {
    BlockDevice device;
    std::uint64_t read_bytes = 0;
    std::uint64_t write_bytes = 0;
    std::uint64_t reads = 0;
    std::uint64_t writes = 0;
  };
  struct Hugepages {
    std::uint64_t usage = 0;
    std::uint64_t max_usage = 0;
    std::uint64_t failures = 0;
  };
  // Absent: its controller is not there.
  std::optional<Cpu> cpu;
  std::optional<Memory> memory;
  std::optional<Pids> pids;
  std::optional<std::vector<Io>> io;
  std::map<std::string, Hugepages> hugepages;  // By page size.
  std::optional<Pressure> cpu_pressure;
  std::optional<Pressure> memory_pressure;
  std::optional<Pressure> io_pressure;
};

}  // namespace tare::sys
