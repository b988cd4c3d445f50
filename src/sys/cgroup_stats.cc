// SPDX-License-Identifier: Apache-2.0
#include "sys/cgroup_stats.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "base/text.h"
#include "sys/cgroup_apply.h"
#include "sys/cgroup_files.h"

namespace tare::sys {
namespace {

using cgroups::keyed;
using cgroups::number_of;
using cgroups::read_file;
using cgroups::read_number;

constexpr std::uint64_t kNanosecondsPerMicrosecond = 1000;
constexpr std::uint64_t kNanosecondsPerSecond = 1'000'000'000;

std::string text_of(const std::string& path) {
  auto text = read_file(path);
  return text ? std::move(*text) : std::string();
}

template <typename Line>
void for_each_line(std::string_view text, Line line) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    if (end > at) line(text.substr(at, end - at));
    at = end + 1;
  }
}

// "8:16" at the start of a word.
std::optional<BlockDevice> parse_device(std::string_view word) {
  const auto pair = split_once(word, ':');
  if (!pair) return std::nullopt;
  const auto major = parse_u64(pair->first);
  const auto minor = parse_u64(pair->second);
  if (!major || !minor) return std::nullopt;
  return BlockDevice{.major = static_cast<std::uint32_t>(*major),
                     .minor = static_cast<std::uint32_t>(*minor)};
}

CgroupStats::Io& entry_of(std::vector<CgroupStats::Io>& all, const BlockDevice& device) {
  for (CgroupStats::Io& each : all)
    if (each.device == device) return each;
  all.push_back({.device = device});
  return all.back();
}

// --- version 2

CgroupStats::Cpu cpu_v2(const std::string& directory) {
  const std::string text = text_of(directory + "/cpu.stat");
  return {.total_ns = keyed(text, "usage_usec") * kNanosecondsPerMicrosecond,
          .user_ns = keyed(text, "user_usec") * kNanosecondsPerMicrosecond,
          .system_ns = keyed(text, "system_usec") * kNanosecondsPerMicrosecond,
          .per_cpu_ns = {},
          .periods = keyed(text, "nr_periods"),
          .throttled_periods = keyed(text, "nr_throttled"),
          .throttled_ns = keyed(text, "throttled_usec") * kNanosecondsPerMicrosecond};
}

std::map<std::string, std::uint64_t> parse_stat(std::string_view text) {
  std::map<std::string, std::uint64_t> all;
  for_each_line(text, [&](std::string_view line) {
    if (const auto pair = split_once(line, ' ')) all.emplace(pair->first, number_of(pair->second));
  });
  return all;
}

std::uint64_t value_in(const std::map<std::string, std::uint64_t>& all, const char* key) {
  const auto found = all.find(key);
  return found == all.end() ? 0 : found->second;
}

CgroupStats::Memory memory_v2(const std::string& directory) {
  CgroupStats::Memory out;
  out.usage = read_number(directory + "/memory.current");
  out.limit = read_number(directory + "/memory.max", kNoLimit);
  out.max_usage = read_number(directory + "/memory.peak");  // Linux 5.19.
  out.swap_usage = read_number(directory + "/memory.swap.current");
  out.swap_limit = read_number(directory + "/memory.swap.max", kNoLimit);
  const std::string events = text_of(directory + "/memory.events");
  out.failures = keyed(events, "max");
  out.oom_kills = keyed(events, "oom_kill");
  out.stat = parse_stat(text_of(directory + "/memory.stat"));
  out.cache = value_in(out.stat, "file");
  out.rss = value_in(out.stat, "anon");
  out.inactive_file = value_in(out.stat, "inactive_file");
  out.kernel_usage = value_in(out.stat, "kernel");
  return out;
}

// "8:16 rbytes=1459200 wbytes=314773504 rios=192 wios=353 dbytes=0 dios=0"
std::vector<CgroupStats::Io> io_v2(const std::string& directory) {
  std::vector<CgroupStats::Io> all;
  for_each_line(text_of(directory + "/io.stat"), [&](std::string_view line) {
    const std::vector<std::string> words = split(line, ' ');
    const auto device = parse_device(words[0]);
    if (!device) return;
    CgroupStats::Io& entry = entry_of(all, *device);
    for (const std::string& word : words) {
      const auto pair = split_once(word, '=');
      if (!pair) continue;
      if (pair->first == "rbytes") entry.read_bytes = number_of(pair->second);
      if (pair->first == "wbytes") entry.write_bytes = number_of(pair->second);
      if (pair->first == "rios") entry.reads = number_of(pair->second);
      if (pair->first == "wios") entry.writes = number_of(pair->second);
    }
  });
  return all;
}

// --- version 1

CgroupStats::Cpu cpu_v1(const std::string& accounting) {
  CgroupStats::Cpu out;
  out.total_ns = read_number(accounting + "/cpuacct.usage");
  const std::string stat = text_of(accounting + "/cpuacct.stat");
  const long ticks = ::sysconf(_SC_CLK_TCK);
  const std::uint64_t tick =
      kNanosecondsPerSecond / static_cast<std::uint64_t>(std::max(ticks, 1L));
  out.user_ns = keyed(stat, "user") * tick;
  out.system_ns = keyed(stat, "system") * tick;
  for (const std::string& word : split(trim(text_of(accounting + "/cpuacct.usage_percpu")), ' '))
    if (!word.empty()) out.per_cpu_ns.push_back(number_of(word));
  return out;
}

void add_throttling_v1(CgroupStats::Cpu& cpu, const std::string& directory) {
  const std::string text = text_of(directory + "/cpu.stat");
  cpu.periods = keyed(text, "nr_periods");
  cpu.throttled_periods = keyed(text, "nr_throttled");
  cpu.throttled_ns = keyed(text, "throttled_time");
}

CgroupStats::Memory memory_v1(const std::string& directory) {
  CgroupStats::Memory out;
  out.usage = read_number(directory + "/memory.usage_in_bytes");
  out.limit = read_number(directory + "/memory.limit_in_bytes", kNoLimit);
  out.max_usage = read_number(directory + "/memory.max_usage_in_bytes");
  out.failures = read_number(directory + "/memory.failcnt");
  out.swap_usage = read_number(directory + "/memory.memsw.usage_in_bytes");
  out.swap_limit = read_number(directory + "/memory.memsw.limit_in_bytes", kNoLimit);
  out.kernel_usage = read_number(directory + "/memory.kmem.usage_in_bytes");
  out.oom_kills = keyed(text_of(directory + "/memory.oom_control"), "oom_kill");
  out.stat = parse_stat(text_of(directory + "/memory.stat"));
  // "total_" are those of groups below, too, as version 2 counts them.
  out.cache = value_in(out.stat, "total_cache");
  out.rss = value_in(out.stat, "total_rss");
  out.inactive_file = value_in(out.stat, "total_inactive_file");
  return out;
}

// "8:16 Read 1459200"; "Total" of a device and of all are left out.
void add_io_v1(std::vector<CgroupStats::Io>& all, std::string_view text,
               std::uint64_t CgroupStats::Io::* read, std::uint64_t CgroupStats::Io::* write) {
  for_each_line(text, [&](std::string_view line) {
    const std::vector<std::string> words = split(line, ' ');
    const auto device = words.size() == 3 ? parse_device(words[0]) : std::nullopt;
    if (!device) return;
    if (words[1] == "Read") entry_of(all, *device).*read = number_of(words[2]);
    if (words[1] == "Write") entry_of(all, *device).*write = number_of(words[2]);
  });
}

std::vector<CgroupStats::Io> io_v1(const std::string& directory) {
  std::vector<CgroupStats::Io> all;
  // The throttling layer counts what passes it, BFQ what its disks did. Where both do it is the
  // same. [cgroup-v1/blkio-controller.rst]
  for (const char* layer : {"/blkio.bfq.", "/blkio.throttle."}) {
    add_io_v1(all, text_of(directory + layer + "io_service_bytes_recursive"),
              &CgroupStats::Io::read_bytes, &CgroupStats::Io::write_bytes);
    add_io_v1(all, text_of(directory + layer + "io_serviced_recursive"), &CgroupStats::Io::reads,
              &CgroupStats::Io::writes);
  }
  return all;
}

// --- both

CgroupStats::Pids read_pids(const std::string& directory) {
  return {.current = read_number(directory + "/pids.current"),
          .limit = read_number(directory + "/pids.max", kNoLimit)};
}

// By the files that are there: "hugetlb.2MB.current", "hugetlb.2MB.usage_in_bytes".
std::map<std::string, CgroupStats::Hugepages> read_hugepages(const std::string& directory) {
  std::map<std::string, CgroupStats::Hugepages> all;
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(::opendir(directory.c_str()), ::closedir);
  if (!listing) return all;
  while (const dirent* entry = ::readdir(listing.get())) {
    const std::vector<std::string> parts = split(entry->d_name, '.');
    if (parts.size() != 3 || parts[0] != "hugetlb") continue;
    const std::string path = directory + "/" + entry->d_name;
    CgroupStats::Hugepages& pages = all[parts[1]];
    if (parts[2] == "current" || parts[2] == "usage_in_bytes") pages.usage = read_number(path);
    if (parts[2] == "max_usage_in_bytes") pages.max_usage = read_number(path);
    if (parts[2] == "failcnt") pages.failures = read_number(path);
    if (parts[2] == "events") pages.failures = keyed(text_of(path), "max");
  }
  return all;
}

// "some avg10=0.00 avg60=0.00 avg300=0.00 total=0"
std::optional<Pressure> read_pressure(const std::string& path) {
  const auto text = read_file(path);
  if (!text) return std::nullopt;  // The kernel does not measure it: EOPNOTSUPP, or no file.
  Pressure pressure;
  for_each_line(*text, [&](std::string_view line) {
    Pressure::Line& out = line.starts_with("full") ? pressure.full : pressure.some;
    for (const std::string& word : split(line, ' ')) {
      const auto pair = split_once(word, '=');
      if (!pair) continue;
      if (pair->first == "total") out.total_us = number_of(pair->second);
      const auto share = parse_double(pair->second);
      if (!share) continue;
      if (pair->first == "avg10") out.avg10 = *share;
      if (pair->first == "avg60") out.avg60 = *share;
      if (pair->first == "avg300") out.avg300 = *share;
    }
  });
  return pressure;
}

}  // namespace

namespace cgroups {

CgroupStats read_stats(const CgroupHost& host, const std::vector<std::string>& directories) {
  CgroupStats out;
  const auto v1 = [&](const char* name) { return v1_directory(host, directories, name); };
  const std::string v2 = v2_directory(host, directories);
  const auto in_v2 = [&](const char* name) { return !v2.empty() && has_v2(host, name); };
  // Version 2 counts processor time whatever its controllers are.
  if (const auto directory = v1("cpuacct"); !directory.empty())
    out.cpu = cpu_v1(directory);
  else if (!v2.empty())
    out.cpu = cpu_v2(v2);
  if (const auto directory = v1("cpu"); out.cpu && !directory.empty())
    add_throttling_v1(*out.cpu, directory);
  if (const auto directory = v1("memory"); !directory.empty())
    out.memory = memory_v1(directory);
  else if (in_v2("memory"))
    out.memory = memory_v2(v2);
  if (const auto directory = v1("pids"); !directory.empty())
    out.pids = read_pids(directory);
  else if (in_v2("pids"))
    out.pids = read_pids(v2);
  if (const auto directory = v1("blkio"); !directory.empty())
    out.io = io_v1(directory);
  else if (in_v2("io"))
    out.io = io_v2(v2);
  if (const auto directory = v1("hugetlb"); !directory.empty())
    out.hugepages = read_hugepages(directory);
  else if (in_v2("hugetlb"))
    out.hugepages = read_hugepages(v2);
  if (v2.empty()) return out;
  out.cpu_pressure = read_pressure(v2 + "/cpu.pressure");
  out.memory_pressure = read_pressure(v2 + "/memory.pressure");
  out.io_pressure = read_pressure(v2 + "/io.pressure");
  return out;
}

}  // namespace cgroups

Result<CgroupStats> Cgroup::stats() const {
  if (directories_.empty())
    return fail(Kind::Unsupported, "this container has no control groups that count what it uses");
  return cgroups::read_stats(*host_, directories_);
}

}  // namespace tare::sys
