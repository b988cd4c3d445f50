// SPDX-License-Identifier: Apache-2.0
// What a running container uses: its control groups, and from /proc what those do not count.
#include <fcntl.h>
#include <unistd.h>

#include "engine/resources.h"
#include "engine/state.h"
#include "sys/files.h"

namespace tare::engine {
namespace {

std::string read_proc(const std::string& path) {
  auto text = sys::load_file(AT_FDCWD, path, 1 << 20);
  return text ? std::move(*text) : std::string();
}

std::uint64_t word(const std::vector<std::string>& words, std::size_t index) {
  return index < words.size() ? parse_u64(words[index]).value_or(0) : 0;
}

// "  eth0: RECEIVED packets errs drop fifo frame compressed multicast SENT ..."
// [proc_pid_net(5), dev]
void add_network(Engine::Stats& stats, int pid) {
  constexpr std::size_t kReceived = 0;
  constexpr std::size_t kSent = 8;
  for (const std::string& line :
       split(read_proc("/proc/" + std::to_string(pid) + "/net/dev"), '\n')) {
    const auto pair = split_once(line, ':');
    if (!pair || trim(pair->first) == "lo") continue;
    std::vector<std::string> words;
    for (std::string& each : split(pair->second, ' '))
      if (!each.empty()) words.push_back(std::move(each));
    stats.has_network = true;
    stats.received_bytes += word(words, kReceived);
    stats.sent_bytes += word(words, kSent);
  }
}

// What its living processes and those that they waited for read and wrote. [proc_pid_io(5)]
void add_io_of_processes(Engine::Stats& stats, const std::vector<int>& pids) {
  for (const int pid : pids)
    for (const std::string& line : split(read_proc("/proc/" + std::to_string(pid) + "/io"), '\n')) {
      const auto pair = split_once(line, ':');
      if (!pair) continue;
      const std::uint64_t value = parse_u64(trim(pair->second)).value_or(0);
      if (pair->first == "read_bytes") stats.read_bytes += value;
      if (pair->first == "write_bytes") stats.written_bytes += value;
    }
}

}  // namespace

Result<Engine::Stats> Engine::stats(const std::string& id) const {
  const Container container = TRY(find(id));
  if (container.status != Status::Running)
    return fail(Kind::Busy, "container " + quoted(container.name) + " is not running");
  const sys::Cgroup group = sys::Cgroup::open(group_name(container));
  Stats stats;
  stats.groups = TRY(group.stats(), "statistics of " + quoted(container.name));
  stats.when = std::chrono::steady_clock::now().time_since_epoch();
  const auto machine = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                       static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  stats.memory_limit = machine;
  if (stats.groups.memory) stats.memory_limit = std::min(machine, stats.groups.memory->limit);
  add_network(stats, container.pid);
  if (stats.groups.io) {
    for (const sys::CgroupStats::Io& each : *stats.groups.io) {
      stats.read_bytes += each.read_bytes;
      stats.written_bytes += each.write_bytes;
    }
  } else if (const auto pids = group.processes(sys::Cgroup::Depth::WithBelow)) {
    add_io_of_processes(stats, *pids);
  }
  if (!stats.groups.pids)
    if (const auto pids = group.processes(sys::Cgroup::Depth::WithBelow))
      stats.groups.pids = sys::CgroupStats::Pids{.current = pids->size()};
  return stats;
}

}  // namespace tare::engine
