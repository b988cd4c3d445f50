// SPDX-License-Identifier: Apache-2.0
// How much memory this process may still take.
#pragma once

#include <cstdint>
#include <string>

namespace tare::sys {

// Bytes: what the machine has to give, and what each of the control groups above this process
// leaves of its limit, whichever is least. What the kernel would drop for them counts as free.
// [proc_meminfo(5), MemAvailable; cgroup-v2.rst, "Memory Interface Files"; cgroup-v1/memory.rst]
std::uint64_t free_memory();

// For tests: of a control group and those above it. `mount`: of its hierarchy; `path`: as in
// /proc/PID/cgroup. kNoLimit when no limit is found.
std::uint64_t free_of_group(const std::string& mount, const std::string& path, bool is_v2);

}  // namespace tare::sys
