// SPDX-License-Identifier: Apache-2.0
#include "sys/memory.h"

#include <fcntl.h>

#include <algorithm>
#include <limits>

#include "base/text.h"
#include "sys/cgroup.h"
#include "sys/files.h"

namespace tare::sys {
namespace memory {
namespace {

constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();

std::uint64_t free_of_one(const std::string& directory, bool is_v2, const Read& read) {
  const auto limit = read(directory + (is_v2 ? "/memory.max" : "/memory.limit_in_bytes"));
  const auto usage = read(directory + (is_v2 ? "/memory.current" : "/memory.usage_in_bytes"));
  if (!limit || !usage) return kUnlimited;
  // "max" is no number.
  const auto most = parse_u64(trim(*limit));
  const auto used = parse_u64(trim(*usage));
  if (!most || !used) return kUnlimited;
  const auto stat = read(directory + "/memory.stat");
  const std::uint64_t cached =
      stat ? number_of(*stat, is_v2 ? "inactive_file" : "total_inactive_file").value_or(0) : 0;
  const std::uint64_t held = *used - std::min(*used, cached);
  return *most - std::min(*most, held);
}

}  // namespace

std::optional<std::uint64_t> number_of(std::string_view text, std::string_view name) {
  for (const std::string& line : split(text, '\n')) {
    if (!line.starts_with(name)) continue;
    std::string_view rest = std::string_view(line).substr(name.size());
    if (!rest.starts_with(' ') && !rest.starts_with(':')) continue;
    if (rest.starts_with(':')) rest.remove_prefix(1);
    const bool is_kib = rest.ends_with(" kB");
    if (is_kib) rest.remove_suffix(3);
    const auto number = parse_u64(trim(rest));
    if (number) return is_kib ? *number * 1024 : *number;
  }
  return std::nullopt;
}

std::uint64_t free_of_group(const std::string& mount, const std::string& path, bool is_v2,
                            const Read& read) {
  std::uint64_t least = kUnlimited;
  std::string group = path == "/" ? "" : path;
  for (;;) {
    least = std::min(least, free_of_one(mount + group, is_v2, read));
    if (group.empty()) return least;
    group.resize(group.rfind('/') == std::string::npos ? 0 : group.rfind('/'));
  }
}

}  // namespace memory

std::uint64_t free_memory() {
  const memory::Read read = [](const std::string& path) -> std::optional<std::string> {
    auto text = load_file(AT_FDCWD, path);
    if (!text) return std::nullopt;
    return std::move(*text);
  };
  std::uint64_t least =
      memory::number_of(read("/proc/meminfo").value_or(""), "MemAvailable").value_or(0);
  const CgroupHost& host = cgroup_host();
  for (const std::string& line : split(read("/proc/self/cgroup").value_or(""), '\n')) {
    // ID:CONTROLLERS:PATH [cgroups(7)]
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string path = line.substr(second + 1);
    const std::vector<std::string> names = split(line.substr(first + 1, second - first - 1), ',');
    if (line.starts_with("0::") && !host.v2_mount.empty())
      least = std::min(least, memory::free_of_group(host.v2_mount, path, true, read));
    for (const auto* places : {&host.v1, &host.read_only})
      for (const auto& [controller, mount] : *places)
        if (controller == "memory" && std::ranges::find(names, controller) != names.end())
          least = std::min(least, memory::free_of_group(mount, path, false, read));
  }
  return least;
}

}  // namespace tare::sys
