// SPDX-License-Identifier: Apache-2.0
// Private to the cgroup_*.cc files: the files of control groups, and where the groups are.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sys/cgroup.h"

namespace tare::sys::cgroups {

Result<std::string> read_file(const std::string& path);
// One write(2), as cgroup files want it.
Result<> write_file(const std::string& path, std::string_view value);
bool exists(const std::string& path);

// Numbers as the kernel prints them; "max" and what nobody can have is kNoLimit.
std::uint64_t number_of(std::string_view text);
std::uint64_t read_number(const std::string& path, std::uint64_t otherwise = 0);
// The number behind "KEY " at the start of a line.
std::uint64_t keyed(std::string_view text, std::string_view key, std::uint64_t otherwise = 0);

std::string v1_number(std::uint64_t value);  // "-1" for no limit.
std::string v2_number(std::uint64_t value);  // "max" for no limit.

// What cgroup_host() says for these contents of /proc/self/mountinfo and /proc/self/cgroup.
CgroupHost look(std::string_view mountinfo, std::string_view own_cgroups);

// The directory below which relative paths of a hierarchy go.
std::string v2_base(const CgroupHost& host);
// "" when the controller is not mounted as version 1, or not writable.
std::string v1_mount(const CgroupHost& host, std::string_view controller);
bool has_v2(const CgroupHost& host, std::string_view controller);
bool is_in_v2(const CgroupHost& host, const std::string& directory);

// Makes `directory`, and what is missing above it as far as `base`, which exists; appends those
// above to `parents`. On version 2 `controllers` are handed down to it. One that is there already
// is replaced by a new one without limits. Errors: Busy, when somebody lives in it.
Result<> make_group(const std::string& base, const std::string& directory,
                    const std::vector<std::string>& controllers, std::vector<std::string>& parents);
// Version 2: hands these down to a group that is there already.
Result<> hand_down_to(const std::string& base, const std::string& directory,
                      const std::vector<std::string>& controllers);
// Version 1: a group has no processors and no memory nodes until it is given some.
// [cgroup-v1/cpusets.rst, 2.2]
Result<> fill_cpuset(const std::string& base, const std::string& directory);
Result<> remove_patiently(const std::string& directory);

// "the LIMIT limit cannot be enforced: ..."
std::unexpected<Error> cannot_limit(const CgroupHost& host, std::string_view limit,
                                    std::string_view controller);

}  // namespace tare::sys::cgroups
