// SPDX-License-Identifier: Apache-2.0
// Private to the cgroup_*.cc files: limits set on the groups of one container.
#pragma once

#include <string>
#include <vector>

#include "sys/cgroup.h"

namespace tare::sys::cgroups {

// Controllers of version 1 in whose hierarchies these limits need a group.
std::vector<std::string> needed_v1(const CgroupHost& host, const CgroupLimits& limits);
// Whether there are limits that need this controller of version 1.
bool can_limit_v1(std::string_view controller);
// Controllers of version 2 that these limits need.
std::vector<std::string> needed_v2(const CgroupHost& host, const CgroupLimits& limits);

// The directory of these with the files of a controller of version 1, "" where there is none.
std::string v1_directory(const CgroupHost& host, const std::vector<std::string>& directories,
                         std::string_view controller);
std::string v2_directory(const CgroupHost& host, const std::vector<std::string>& directories);

// Sets them all. Errors as Cgroup::update.
Result<> apply(const CgroupHost& host, const std::vector<std::string>& directories,
               const CgroupLimits& limits, std::vector<std::string>* warnings);

CgroupStats read_stats(const CgroupHost& host, const std::vector<std::string>& directories);

}  // namespace tare::sys::cgroups
