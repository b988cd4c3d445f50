// SPDX-License-Identifier: Apache-2.0
#include "front/oci/stats.h"

namespace tare::front_oci {
namespace {

void set_unless_zero(json::Value& to, std::string_view key, std::uint64_t value) {
  if (value != 0) to.set(key, value);
}

json::Value pressure_line(const sys::Pressure::Line& line) {
  json::Value value;
  value.set("avg10", line.avg10);
  value.set("avg60", line.avg60);
  value.set("avg300", line.avg300);
  value.set("total", line.total_us);
  return value;
}

void set_pressure(json::Value& to, const std::optional<sys::Pressure>& pressure) {
  if (!pressure) return;
  json::Value value;
  value.set("some", pressure_line(pressure->some));
  value.set("full", pressure_line(pressure->full));
  to.set("psi", std::move(value));
}

json::Value cpu_document(const sys::CgroupStats& stats) {
  json::Value value;
  if (stats.cpu) {
    json::Value usage;
    usage.set("total", stats.cpu->total_ns);
    json::Value each{json::Array{}};
    for (const std::uint64_t nanoseconds : stats.cpu->per_cpu_ns) each.push(nanoseconds);
    if (!stats.cpu->per_cpu_ns.empty()) usage.set("percpu", std::move(each));
    usage.set("kernel", stats.cpu->system_ns);
    usage.set("user", stats.cpu->user_ns);
    value.set("usage", std::move(usage));
    json::Value throttling{json::Object{}};
    set_unless_zero(throttling, "periods", stats.cpu->periods);
    set_unless_zero(throttling, "throttledPeriods", stats.cpu->throttled_periods);
    set_unless_zero(throttling, "throttledTime", stats.cpu->throttled_ns);
    value.set("throttling", std::move(throttling));
  }
  set_pressure(value, stats.cpu_pressure);
  return value;
}

// "No limit" is the largest number that JSON readers take for a 64-bit one.
std::uint64_t number(std::uint64_t limit) {
  constexpr std::uint64_t kLargest = 0x7FFFFFFFFFFFFFFF;
  return limit > kLargest ? kLargest : limit;
}

json::Value memory_entry(std::uint64_t limit, std::uint64_t usage, std::uint64_t max,
                         std::uint64_t failures) {
  json::Value value;
  value.set("limit", number(limit));
  value.set("usage", usage);
  set_unless_zero(value, "max", max);
  value.set("failcnt", failures);
  return value;
}

json::Value memory_document(const sys::CgroupStats& stats) {
  json::Value value;
  if (stats.memory) {
    const sys::CgroupStats::Memory& memory = *stats.memory;
    set_unless_zero(value, "cache", memory.cache);
    value.set("usage", memory_entry(memory.limit, memory.usage, memory.max_usage, memory.failures));
    value.set("swap", memory_entry(memory.swap_limit, memory.swap_usage, 0, 0));
    value.set("kernel", memory_entry(sys::kNoLimit, memory.kernel_usage, 0, 0));
    json::Value raw{json::Object{}};
    for (const auto& [key, amount] : memory.stat) raw.set(key, amount);
    value.set("raw", std::move(raw));
  }
  set_pressure(value, stats.memory_pressure);
  return value;
}

json::Value io_entry(const sys::BlockDevice& device, const char* op, std::uint64_t amount) {
  json::Value value;
  value.set("major", device.major);
  value.set("minor", device.minor);
  value.set("op", op);
  value.set("value", amount);
  return value;
}

json::Value io_document(const sys::CgroupStats& stats) {
  json::Value value{json::Object{}};
  if (stats.io && !stats.io->empty()) {
    json::Value bytes{json::Array{}};
    json::Value operations{json::Array{}};
    for (const sys::CgroupStats::Io& io : *stats.io) {
      bytes.push(io_entry(io.device, "Read", io.read_bytes));
      bytes.push(io_entry(io.device, "Write", io.write_bytes));
      operations.push(io_entry(io.device, "Read", io.reads));
      operations.push(io_entry(io.device, "Write", io.writes));
    }
    value.set("ioServiceBytesRecursive", std::move(bytes));
    value.set("ioServicedRecursive", std::move(operations));
  }
  set_pressure(value, stats.io_pressure);
  return value;
}

}  // namespace

json::Value stats_document(const sys::CgroupStats& stats) {
  json::Value value;
  value.set("cpu", cpu_document(stats));
  value.set("memory", memory_document(stats));
  json::Value pids{json::Object{}};
  if (stats.pids) {
    pids.set("current", stats.pids->current);
    if (stats.pids->limit < sys::kNoLimit) pids.set("limit", number(stats.pids->limit));
  }
  value.set("pids", std::move(pids));
  value.set("blkio", io_document(stats));
  json::Value hugepages{json::Object{}};
  for (const auto& [size, usage] : stats.hugepages) {
    json::Value entry;
    entry.set("usage", usage.usage);
    set_unless_zero(entry, "max", usage.max_usage);
    entry.set("failcnt", usage.failures);
    hugepages.set(size, std::move(entry));
  }
  value.set("hugetlb", std::move(hugepages));
  return value;
}

}  // namespace tare::front_oci
