// SPDX-License-Identifier: Apache-2.0
#include "engine/resources.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmath>

#include "engine/devices.h"

namespace tare::engine {
namespace {

constexpr std::uint64_t kUsualPeriodUs = 100'000;
constexpr std::uint64_t kLeastMemory = 6 << 20;  // As Docker: less cannot start anything.

std::unexpected<Error> wrong(const std::string& why) { return fail(Kind::Invalid, why); }

Result<> check_memory(const Resources& resources) {
  const std::uint64_t memory = resources.memory_bytes;
  const std::uint64_t swap = resources.memory_swap_bytes;
  if (memory != 0 && memory < kLeastMemory)
    return wrong("memory limit is below the minimum of 6 MB");
  if (swap != 0 && memory == 0)
    return wrong("memory-swap is memory and swap together, so it needs a memory limit");
  if (swap != 0 && swap < memory)
    return wrong("memory-swap is memory and swap together: it cannot be less than memory");
  const std::uint64_t reservation = resources.memory_reservation_bytes;
  if (reservation != 0 && reservation < kLeastMemory)
    return wrong("memory reservation is below the minimum of 6 MB");
  if (memory != 0 && reservation > memory)
    return wrong("memory reservation is above the memory limit");
  if (resources.memory_swappiness.value_or(0) < 0 || resources.memory_swappiness.value_or(0) > 100)
    return wrong("memory swappiness is a number from 0 to 100");
  return {};
}

Result<> check_cpu(const Resources& resources) {
  const long processors = std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN));
  if (resources.cpus < 0 || resources.cpus > static_cast<double>(processors))
    return wrong(fmt::format("cpus is out of range: this machine has {} processors", processors));
  if (resources.cpus > 0 && (resources.cpu_period_us != 0 || resources.cpu_quota_us != 0))
    return wrong("cpus cannot be set together with cpu-period and cpu-quota, which it means");
  // [moby: daemon/daemon_unix.go; the kernel's own limits, cgroup-v1/cpu: sched-bwc.rst]
  if (resources.cpu_period_us != 0 &&
      (resources.cpu_period_us < 1000 || resources.cpu_period_us > 1'000'000))
    return wrong("cpu-period is from 1000 to 1000000 microseconds");
  if (resources.cpu_quota_us > 0 && resources.cpu_quota_us < 1000)
    return wrong("cpu-quota is 1000 microseconds at least");
  if (resources.cpu_shares != 0 && (resources.cpu_shares < 2 || resources.cpu_shares > 262'144))
    return wrong("cpu-shares is a number from 2 to 262144");
  if (resources.cpu_realtime_period_us != 0 &&
      resources.cpu_realtime_runtime_us > resources.cpu_realtime_period_us)
    return wrong("cpu-rt-runtime is above cpu-rt-period");
  return {};
}

// "0-2,7". [cpuset(7), "List format"]
Result<> check_list(const char* option, const std::string& text) {
  if (text.empty()) return {};
  for (const std::string& part : split(text, ',')) {
    const auto range = split_once(part, '-');
    const auto first = parse_u64(range ? range->first : std::string_view(part));
    const auto last = range ? parse_u64(range->second) : first;
    constexpr std::uint64_t kHighest = 8191;
    if (!first || !last || *first > *last || *last > kHighest)
      return wrong(
          fmt::format("{} {}: numbers and ranges are wanted, as 0-2,7", option, quoted(text)));
  }
  return {};
}

Result<> check_block(const Resources& resources) {
  const auto fits = [](std::uint64_t weight) { return weight >= 10 && weight <= 1000; };
  if (resources.block_weight != 0 && !fits(resources.block_weight))
    return wrong("blkio-weight is a number from 10 to 1000, or 0 for none");
  for (const DeviceLimit& each : resources.block_weights)
    if (!fits(each.value))
      return wrong("blkio-weight-device " + quoted(each.path) + ": a weight is from 10 to 1000");
  return {};
}

Result<sys::BlockDevice> find_device(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return fail_errno("find the device " + quoted(path));
  if (!S_ISBLK(info.st_mode)) return wrong(quoted(path) + " is not a block device");
  return sys::BlockDevice{.major = major(info.st_rdev), .minor = minor(info.st_rdev)};
}

Result<std::vector<sys::BlockThrottle>> make_throttles(const std::vector<DeviceLimit>& limits) {
  std::vector<sys::BlockThrottle> out;
  for (const DeviceLimit& each : limits)
    out.push_back({.device = TRY(find_device(each.path)), .rate = each.value});
  return out;
}

Result<> add_block(sys::CgroupLimits& limits, const Resources& resources) {
  if (resources.block_weight != 0) limits.block_weight = resources.block_weight;
  for (const DeviceLimit& each : resources.block_weights)
    limits.block_weights.push_back({.device = TRY(find_device(each.path)),
                                    .weight = static_cast<std::uint16_t>(each.value),
                                    .leaf_weight = {}});
  limits.read_bps = TRY(make_throttles(resources.read_bps));
  limits.write_bps = TRY(make_throttles(resources.write_bps));
  limits.read_iops = TRY(make_throttles(resources.read_iops));
  limits.write_iops = TRY(make_throttles(resources.write_iops));
  return {};
}

void add_memory(sys::CgroupLimits& limits, const Resources& resources) {
  if (resources.memory_bytes != 0) limits.memory_bytes = resources.memory_bytes;
  if (resources.memory_swap_bytes != 0) limits.memory_swap_bytes = resources.memory_swap_bytes;
  limits.memory_swap_if_possible = resources.memory_swap_bytes == 2 * resources.memory_bytes;
  if (resources.memory_reservation_bytes != 0)
    limits.memory_reservation_bytes = resources.memory_reservation_bytes;
  if (resources.memory_swappiness)
    limits.memory_swappiness = static_cast<std::uint64_t>(*resources.memory_swappiness);
  if (resources.oom_kill_disable) limits.oom_kill_disable = true;
}

void add_cpu(sys::CgroupLimits& limits, const Resources& resources) {
  const auto period = static_cast<double>(kUsualPeriodUs);
  if (resources.cpus > 0) {
    limits.cpu_period_us = kUsualPeriodUs;
    limits.cpu_quota_us = static_cast<std::uint64_t>(std::llround(resources.cpus * period));
  }
  if (resources.cpu_period_us != 0) limits.cpu_period_us = resources.cpu_period_us;
  if (resources.cpu_quota_us != 0)
    limits.cpu_quota_us = resources.cpu_quota_us < 0
                              ? sys::kNoLimit
                              : static_cast<std::uint64_t>(resources.cpu_quota_us);
  if (resources.cpu_shares != 0) limits.cpu_shares = resources.cpu_shares;
  if (resources.cpu_realtime_period_us != 0)
    limits.cpu_realtime_period_us = resources.cpu_realtime_period_us;
  if (resources.cpu_realtime_runtime_us != 0)
    limits.cpu_realtime_runtime_us = resources.cpu_realtime_runtime_us;
  limits.cpuset_cpus = resources.cpuset_cpus;
  limits.cpuset_mems = resources.cpuset_mems;
}

}  // namespace

std::string group_name(const Container& container) {
  const std::string& parent = container.config.cgroup_parent;
  return parent.empty() ? container.id : parent + "/" + container.id;
}

void complete_resources(Resources& resources) {
  if (resources.memory_bytes != 0 && resources.memory_swap_bytes == 0)
    resources.memory_swap_bytes = 2 * resources.memory_bytes;
}

Result<> check_resources(const Resources& resources) {
  TRY(check_memory(resources));
  TRY(check_cpu(resources));
  TRY(check_list("cpuset-cpus", resources.cpuset_cpus));
  TRY(check_list("cpuset-mems", resources.cpuset_mems));
  return check_block(resources);
}

Result<Resources> merge_resources(const Resources& before, const Resources& change) {
  Resources out = before;
  const auto take = [](auto& to, const auto& from) {
    if (from != std::remove_cvref_t<decltype(from)>()) to = from;
  };
  // --cpus stands for a period and a quota: one way of saying it takes the other's place.
  if (change.cpus > 0) {
    out.cpu_period_us = 0;
    out.cpu_quota_us = 0;
  } else if (change.cpu_period_us != 0 || change.cpu_quota_us != 0) {
    out.cpus = 0;
  }
  if (change.memory_bytes != 0 && change.memory_swap_bytes == 0 &&
      before.memory_swap_bytes == 2 * before.memory_bytes)
    out.memory_swap_bytes = 2 * change.memory_bytes;  // Nobody chose the old one either.
  take(out.memory_bytes, change.memory_bytes);
  take(out.memory_swap_bytes, change.memory_swap_bytes);
  take(out.memory_reservation_bytes, change.memory_reservation_bytes);
  take(out.memory_swappiness, change.memory_swappiness);
  take(out.cpus, change.cpus);
  take(out.cpu_period_us, change.cpu_period_us);
  take(out.cpu_quota_us, change.cpu_quota_us);
  take(out.cpu_shares, change.cpu_shares);
  take(out.cpu_realtime_period_us, change.cpu_realtime_period_us);
  take(out.cpu_realtime_runtime_us, change.cpu_realtime_runtime_us);
  take(out.cpuset_cpus, change.cpuset_cpus);
  take(out.cpuset_mems, change.cpuset_mems);
  take(out.pids_limit, change.pids_limit);
  take(out.block_weight, change.block_weight);
  if (change.memory_bytes != 0 && out.memory_swap_bytes < out.memory_bytes)
    return std::unexpected(
        Error(Kind::Invalid,
              "the memory limit would be above the limit of memory and swap together, which is " +
                  human_size(out.memory_swap_bytes))
            .hint("change both: --memory and --memory-swap"));
  TRY(check_resources(out));
  return out;
}

Result<sys::CgroupLimits> make_limits(const Resources& resources) {
  sys::CgroupLimits limits;
  add_memory(limits, resources);
  add_cpu(limits, resources);
  if (resources.pids_limit)
    limits.pids = *resources.pids_limit > 0 ? static_cast<std::uint64_t>(*resources.pids_limit)
                                            : sys::kNoLimit;
  TRY(add_block(limits, resources));
  return limits;
}

Result<sys::CgroupLimits> make_limits(const CreateRequest& config) {
  sys::CgroupLimits limits = TRY(make_limits(config.resources));
  if (limits.pids == sys::kNoLimit) limits.pids = {};  // A new group has none.
  // Without rules nothing is asked of the kernel: no node in the container opens a device of the
  // host anyway, all its mounts are nodev.
  limits.devices = TRY(device_rules(config));
  return limits;
}

}  // namespace tare::engine
