// SPDX-License-Identifier: Apache-2.0
// The options of limits that create, run and update have together.
#pragma once

#include "front/cli/options.h"

namespace tare::cli::resource_options {

using enum OptionKind;

inline constexpr Option kBlockWeight{0, "blkio-weight", Value, "number",
                                     "Its share of disk traffic, 10 to 1000; 0: as others"};
inline constexpr Option kCpuPeriod{0, "cpu-period", Value, "microseconds",
                                   "The time that --cpu-quota is counted in"};
inline constexpr Option kCpuQuota{0, "cpu-quota", Value, "microseconds",
                                  "At most so much processor time a period; -1: no limit"};
inline constexpr Option kRealtimePeriod{0, "cpu-rt-period", Value, "microseconds",
                                        "Period of real-time processes (version 1 of cgroups)"};
inline constexpr Option kRealtimeRuntime{0, "cpu-rt-runtime", Value, "microseconds",
                                         "Time of real-time processes in that period"};
inline constexpr Option kCpuShares{'c', "cpu-shares", Value, "number",
                                   "Its share when processors are short (others have 1024)"};
inline constexpr Option kCpus{0, "cpus", Value, "number",
                              "At most so many processors' time, as 1.5"};
inline constexpr Option kCpusetCpus{0, "cpuset-cpus", Value, "list",
                                    "Only these processors, as 0-2,7"};
inline constexpr Option kCpusetMems{0, "cpuset-mems", Value, "list",
                                    "Only memory of these nodes, as 0,1"};
inline constexpr Option kKernelMemory{0, "kernel-memory", MissingValue, "",
                                      "kernels have this limit no more; see --memory"};
inline constexpr Option kMemory{'m', "memory", Value, "bytes", "At most so much memory, as 512m"};
inline constexpr Option kMemoryReservation{0, "memory-reservation", Value, "bytes",
                                           "So much memory is left to it when memory is short"};
inline constexpr Option kMemorySwap{
    0, "memory-swap", Value, "bytes",
    "At most so much memory and swap together (default: twice --memory); -1: no limit of swap"};
inline constexpr Option kPidsLimit{0, "pids-limit", Value, "number",
                                   "At most so many processes (default 2048); -1: no limit"};

}  // namespace tare::cli::resource_options
