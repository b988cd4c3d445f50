// SPDX-License-Identifier: Apache-2.0
// From the options of limits to what the engine wants.
#include <fmt/format.h>

#include "base/text.h"
#include "front/cli/request.h"

namespace tare::cli {
namespace {

using engine::Resources;

// A value read by `parse`, with the option named when it is wrong; `otherwise` without the option.
template <typename T, typename Parse>
Result<T> number(const Arguments& arguments, std::string_view option, T otherwise, Parse parse) {
  const auto text = arguments.value(option);
  if (!text) return otherwise;
  auto value = parse(*text);
  if (!value) return bad_value(option, *text, value.error().message());
  return static_cast<T>(*value);
}

Result<> read_memory(Resources& out, const Arguments& arguments) {
  out.memory_bytes = TRY(number<std::uint64_t>(arguments, "memory", 0, parse_size));
  out.memory_reservation_bytes =
      TRY(number<std::uint64_t>(arguments, "memory-reservation", 0, parse_size));
  const auto swap = arguments.value("memory-swap");
  if (!swap) return {};
  if (*swap == "-1")
    out.memory_swap_bytes = sys::kNoLimit;
  else
    out.memory_swap_bytes = TRY(number<std::uint64_t>(arguments, "memory-swap", 0, parse_size));
  if (out.memory_swap_bytes != 0 && out.memory_swap_bytes < out.memory_bytes)
    return bad_value("memory-swap", *swap, "memory and swap together cannot be less than --memory");
  return {};
}

Result<> read_cpu(Resources& out, const Arguments& arguments) {
  out.cpus = TRY(number(arguments, "cpus", 0.0, parse_double));
  if (out.cpus < 0) return bad_value("cpus", arguments.value_or("cpus", ""), "less than none");
  out.cpu_period_us = TRY(number<std::uint64_t>(arguments, "cpu-period", 0, parse_u64));
  out.cpu_quota_us = TRY(number<std::int64_t>(arguments, "cpu-quota", 0, parse_i64));
  if (out.cpu_quota_us < -1)
    return bad_value("cpu-quota", arguments.value_or("cpu-quota", ""),
                     "microseconds, or -1 for no limit");
  out.cpu_realtime_period_us = TRY(number<std::uint64_t>(arguments, "cpu-rt-period", 0, parse_u64));
  out.cpu_realtime_runtime_us =
      TRY(number<std::uint64_t>(arguments, "cpu-rt-runtime", 0, parse_u64));
  out.cpu_shares = TRY(number<std::uint64_t>(arguments, "cpu-shares", 0, parse_u64));
  out.cpuset_cpus = arguments.value_or("cpuset-cpus", "");
  out.cpuset_mems = arguments.value_or("cpuset-mems", "");
  return {};
}

Result<std::uint64_t> parse_weight(std::string_view text) {
  const auto weight = parse_u64(text);
  if (weight && *weight <= 1000) return *weight;
  return fail(Kind::Invalid, "a weight is a number from 10 to 1000");
}

// "/dev/sda:1mb"
template <typename Parse>
Result<std::vector<engine::DeviceLimit>> devices(const Arguments& arguments,
                                                 std::string_view option, Parse parse) {
  std::vector<engine::DeviceLimit> out;
  for (const std::string& text : arguments.list(option)) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string::npos || colon == 0 || !text.starts_with('/'))
      return bad_value(option, text, "write DEVICE:NUMBER, as /dev/sda:100");
    const auto value = parse(std::string_view(text).substr(colon + 1));
    if (!value) return bad_value(option, text, value.error().message());
    out.push_back({.path = text.substr(0, colon), .value = *value});
  }
  return out;
}

}  // namespace

Result<Resources> changed_resources(const Arguments& arguments) {
  Resources out;
  TRY(read_memory(out, arguments));
  TRY(read_cpu(out, arguments));
  if (const auto text = arguments.value("pids-limit")) {
    const auto limit = parse_i64(*text);
    if (!limit || *limit < -1)
      return bad_value("pids-limit", *text, "a whole number, or -1 for no limit");
    out.pids_limit = *limit;
  }
  out.block_weight = TRY(number<std::uint16_t>(arguments, "blkio-weight", 0, parse_weight));
  return out;
}

Result<Resources> new_resources(const Arguments& arguments) {
  Resources out = TRY(changed_resources(arguments));
  if (out.memory_swap_bytes != 0 && out.memory_bytes == 0)
    return fail(Kind::Invalid, "--memory-swap is memory and swap together, so it needs --memory");
  out.oom_kill_disable = arguments.flag("oom-kill-disable");
  if (out.oom_kill_disable && out.memory_bytes == 0)
    return fail(Kind::Invalid,
                "--oom-kill-disable needs --memory: without a limit the whole machine would wait");
  if (const auto text = arguments.value("memory-swappiness"); text && *text != "-1") {
    const auto value = parse_u64(*text);
    if (!value || *value > 100)
      return bad_value("memory-swappiness", *text, "a number from 0 to 100, or -1");
    out.memory_swappiness = static_cast<int>(*value);
  }
  out.block_weights = TRY(devices(arguments, "blkio-weight-device", parse_weight));
  out.read_bps = TRY(devices(arguments, "device-read-bps", parse_size));
  out.write_bps = TRY(devices(arguments, "device-write-bps", parse_size));
  out.read_iops = TRY(devices(arguments, "device-read-iops", parse_u64));
  out.write_iops = TRY(devices(arguments, "device-write-iops", parse_u64));
  return out;
}

Result<std::optional<int>> oom_score(const Arguments& arguments) {
  const auto text = arguments.value("oom-score-adj");
  if (!text) return std::optional<int>();
  const auto value = parse_i64(*text);
  if (!value || *value < -1000 || *value > 1000)
    return bad_value("oom-score-adj", *text, "a number from -1000 to 1000");
  return std::optional(static_cast<int>(*value));
}

}  // namespace tare::cli
