// SPDX-License-Identifier: Apache-2.0
// update and events.
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>

#include "base/text.h"
#include "front/oci/lifecycle.h"
#include "front/oci/log.h"
#include "front/oci/program.h"
#include "front/oci/spec.h"
#include "front/oci/stats.h"
#include "sys/files.h"

namespace tare::front_oci {
namespace {

using K = Option::Kind;

constexpr std::array<Option, 18> kUpdateOptions{
    {{"resources", 'r', K::Value, "file with linux.resources, - for standard input"},
     {"memory", 0, K::Value, "limit in bytes; -1: none"},
     {"memory-reservation", 0, K::Value, "bytes that are kept when memory gets short"},
     {"memory-swap", 0, K::Value, "limit of memory and swap together"},
     {"kernel-memory", 0, K::Value, "kernels have it no more: a warning"},
     {"kernel-memory-tcp", 0, K::Value, "limit of TCP buffers"},
     {"cpu-share", 0, K::Value, "weight, 2 to 262144"},
     {"cpu-shares", 0, K::Value, "the same"},
     {"cpu-quota", 0, K::Value, "microseconds in each period"},
     {"cpu-period", 0, K::Value, "microseconds"},
     {"cpu-burst", 0, K::Value, "microseconds"},
     {"cpu-rt-runtime", 0, K::Value, "microseconds of real-time in each period"},
     {"cpu-rt-period", 0, K::Value, "microseconds"},
     {"cpu-idle", 0, K::Value, "1: only when nobody else wants to run"},
     {"cpuset-cpus", 0, K::Value, "processors, 0-2,7"},
     {"cpuset-mems", 0, K::Value, "memory nodes"},
     {"pids-limit", 0, K::Value, "number of processes; -1: any"},
     {"blkio-weight", 0, K::Value, "10 to 1000"}}};
constexpr std::array<Option, 2> kEventsOptions{
    {{"stats", 0, K::Flag, "once, then end"},
     {"interval", 0, K::Value, "time between two, default 5s"}}};

// Bytes with a unit, or -1.
Result<std::int64_t> parse_bytes(const std::string& text) {
  if (text == "-1") return -1;
  return static_cast<std::int64_t>(TRY(parse_size(text)));
}

template <typename T, typename Parse>
Result<> take(const Arguments& arguments, std::string_view name, std::optional<T>& to,
              Parse parse) {
  if (!arguments.has(name)) return {};
  const std::string text = arguments.value(name);
  const auto value = TRY(parse(text), "--" + std::string(name));
  to = static_cast<T>(value);
  return {};
}

Result<> take_memory(const Arguments& arguments, oci::MemoryLimits& to) {
  TRY(take(arguments, "memory", to.limit, parse_bytes));
  TRY(take(arguments, "memory-reservation", to.reservation, parse_bytes));
  TRY(take(arguments, "memory-swap", to.swap, parse_bytes));
  TRY(take(arguments, "kernel-memory", to.kernel, parse_bytes));
  return take(arguments, "kernel-memory-tcp", to.kernel_tcp, parse_bytes);
}

Result<> take_cpu(const Arguments& arguments, oci::CpuLimits& to) {
  TRY(take(arguments, "cpu-share", to.shares, parse_u64));
  TRY(take(arguments, "cpu-shares", to.shares, parse_u64));
  TRY(take(arguments, "cpu-quota", to.quota, parse_i64));
  TRY(take(arguments, "cpu-period", to.period, parse_u64));
  TRY(take(arguments, "cpu-burst", to.burst, parse_u64));
  TRY(take(arguments, "cpu-rt-runtime", to.realtime_runtime, parse_i64));
  TRY(take(arguments, "cpu-rt-period", to.realtime_period, parse_u64));
  TRY(take(arguments, "cpu-idle", to.idle, parse_i64));
  to.cpus = arguments.value("cpuset-cpus");
  to.mems = arguments.value("cpuset-mems");
  return {};
}

Result<oci::Resources> read_resources(const Arguments& arguments) {
  const std::string file = arguments.value("resources");
  if (!file.empty()) {
    constexpr std::size_t kLimit = 4 << 20;
    auto text =
        file == "-" ? sys::read_all(STDIN_FILENO, kLimit) : sys::load_file(AT_FDCWD, file, kLimit);
    if (!text) return std::unexpected(std::move(text).error().wrap("--resources"));
    return oci::parse_resources(*text);
  }
  oci::Resources resources;
  TRY(take_memory(arguments, resources.memory));
  TRY(take_cpu(arguments, resources.cpu));
  TRY(take(arguments, "pids-limit", resources.pids_limit, parse_i64));
  TRY(take(arguments, "blkio-weight", resources.block_io.weight, parse_u64));
  return resources;
}

Result<int> update(const Globals& globals, const Arguments& arguments) {
  const std::string id = TRY(one_container(arguments));
  Container container = TRY(find_container(globals, id));
  const Status status = container.status();
  if (status == Status::Stopped)
    return fail(Kind::Busy, "container " + quoted(container.record().id) + " is stopped");
  const oci::Resources resources = TRY(read_resources(arguments));
  std::vector<std::string> warnings;
  sys::Cgroup cgroup = container.cgroup();
  if (const char* const bus = std::getenv("DBUS_SESSION_BUS_ADDRESS");
      bus != nullptr && ::geteuid() != 0)
    cgroup.use_bus(bus);
  TRY(cgroup.update(make_limits(resources), &warnings),
      "update container " + quoted(container.record().id));
  TRY(container.keep_cgroup(cgroup));
  for (const std::string& warning : warnings) log().warn(warning);
  return 0;
}

Result<> print_stats(const Container& container) {
  json::Value event;
  event.set("type", "stats");
  event.set("id", container.record().id);
  const sys::CgroupStats stats = TRY(container.cgroup().stats());
  event.set("data", stats_document(stats));
  return sys::write_all(STDOUT_FILENO, json::print(event) + "\n");
}

Result<> print_oom(const Container& container) {
  json::Value event;
  event.set("type", "oom");
  event.set("id", container.record().id);
  return sys::write_all(STDOUT_FILENO, json::print(event) + "\n");
}

// False when there is no group any more.
Result<bool> tell_of_oom(const Container& container, Result<sys::OomWatch>& watch) {
  if (!watch) return true;
  const auto happened = watch->happened();
  if (happened && *happened) TRY(print_oom(container));
  return happened.has_value();
}

// Until the container ends or nobody reads.
Result<int> follow_events(const Container& container, std::chrono::milliseconds interval) {
  const sys::Fd process = TRY(container.process());
  auto watch = container.cgroup().watch_oom();
  if (!watch) log().warn("no out-of-memory events: " + watch.error().message());
  using Clock = std::chrono::steady_clock;
  constexpr auto kDoubt = std::chrono::seconds(1);  // An event came, and nobody is counted yet.
  constexpr auto kMoment = std::chrono::milliseconds(10);
  auto next = Clock::now();
  auto doubtful_until = next;
  for (;;) {
    const auto now = Clock::now();
    if (now >= next) {
      TRY(print_stats(container));
      next += interval;
      continue;
    }
    auto left = std::chrono::ceil<std::chrono::milliseconds>(next - now);
    if (now < doubtful_until) left = std::min(left, kMoment);
    std::array<pollfd, 2> waiting{{{.fd = process.get(), .events = POLLIN},
                                   {.fd = watch ? watch->fd() : -1, .events = POLLIN}}};
    if (::poll(waiting.data(), waiting.size(), static_cast<int>(left.count())) < 0 &&
        errno != EINTR)
      return fail_errno("wait for events");
    if (waiting[1].revents != 0) doubtful_until = Clock::now() + kDoubt;
    // Also when it has ended: that may be why.
    if (!TRY(tell_of_oom(container, watch)) || waiting[0].revents != 0) return 0;
  }
}

Result<int> events(const Globals& globals, const Arguments& arguments) {
  const std::string id = TRY(one_container(arguments));
  const Container container = TRY(find_container(globals, id));
  if (container.status() == Status::Stopped)
    return fail(Kind::Busy, "container " + quoted(container.record().id) + " is stopped");
  if (arguments.flag("stats")) {
    TRY(print_stats(container));
    return 0;
  }
  std::chrono::nanoseconds interval = std::chrono::seconds(5);
  if (arguments.has("interval"))
    interval = TRY(parse_duration(arguments.value("interval")), "--interval");
  constexpr auto kShortest = std::chrono::milliseconds(10);
  if (interval < kShortest) return fail(Kind::Invalid, "--interval is shorter than 10ms");
  return follow_events(container, std::chrono::duration_cast<std::chrono::milliseconds>(interval));
}

constexpr std::array<Command, 2> kCommands{
    {{.name = "update",
      .synopsis = "update [OPTIONS] CONTAINER",
      .help = "Change the limits of a container while it runs",
      .options = kUpdateOptions,
      .run = update},
     {.name = "events",
      .synopsis = "events [OPTIONS] CONTAINER",
      .help = "Print what a container uses, again and again, and when its memory runs out",
      .options = kEventsOptions,
      .run = events}}};

}  // namespace

std::span<const Command> resource_commands() { return kCommands; }

}  // namespace tare::front_oci
