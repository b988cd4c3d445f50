// SPDX-License-Identifier: Apache-2.0
#include "sys/memory.h"

#include <algorithm>

#include "base/text.h"
#include "sys/cgroup_files.h"

namespace tare::sys {
namespace {

using cgroups::keyed;
using cgroups::read_file;
using cgroups::read_number;

std::string text_of(const std::string& path) { return read_file(path).value_or(""); }

std::uint64_t free_of_one(const std::string& directory, bool is_v2) {
  const std::uint64_t most =
      read_number(directory + (is_v2 ? "/memory.max" : "/memory.limit_in_bytes"), kNoLimit);
  if (most == kNoLimit) return kNoLimit;
  const std::uint64_t used =
      read_number(directory + (is_v2 ? "/memory.current" : "/memory.usage_in_bytes"));
  const std::uint64_t cached =
      keyed(text_of(directory + "/memory.stat"), is_v2 ? "inactive_file" : "total_inactive_file");
  return most - std::min(most, used - std::min(used, cached));
}

std::uint64_t available() {
  for (const std::string& line : split(text_of("/proc/meminfo"), '\n'))
    if (const auto pair = split_once(line, ':'); pair && pair->first == "MemAvailable")
      return parse_u64(split(trim(pair->second), ' ')[0]).value_or(0) * 1024;
  return 0;
}

}  // namespace

std::uint64_t free_of_group(const std::string& mount, const std::string& path, bool is_v2) {
  std::uint64_t least = kNoLimit;
  std::string group = path == "/" ? "" : path;
  for (;;) {
    least = std::min(least, free_of_one(mount + group, is_v2));
    if (group.empty()) return least;
    group.resize(group.rfind('/') == std::string::npos ? 0 : group.rfind('/'));
  }
}

std::uint64_t free_memory() {
  std::uint64_t least = available();
  const CgroupHost& host = cgroup_host();
  for (const std::string& line : split(text_of("/proc/self/cgroup"), '\n')) {
    // ID:CONTROLLERS:PATH [cgroups(7)]
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string path = line.substr(second + 1);
    const std::vector<std::string> names = split(line.substr(first + 1, second - first - 1), ',');
    if (line.starts_with("0::") && !host.v2_mount.empty())
      least = std::min(least, free_of_group(host.v2_mount, path, true));
    for (const auto* places : {&host.v1, &host.read_only})
      for (const auto& [controller, mount] : *places)
        if (controller == "memory" && std::ranges::find(names, controller) != names.end())
          least = std::min(least, free_of_group(mount, path, false));
  }
  return least;
}

}  // namespace tare::sys
