// SPDX-License-Identifier: Apache-2.0
#include "sys/systemd.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "sys/cgroup_writes.h"
#include "sys/ids.h"

namespace tare::sys::systemd {
namespace {

constexpr const char* kManager = "org.freedesktop.systemd1.Manager";
constexpr std::uint64_t kUnlimited = 1ULL << 62;
constexpr std::uint64_t kUsPerSecond = 1'000'000;

dbus::Message manager_call(const char* member) {
  return {.path = "/org/freedesktop/systemd1",
          .interface = kManager,
          .member = member,
          .destination = "org.freedesktop.systemd1"};
}

// Properties, (sv) each.
class Properties {
 public:
  explicit Properties(dbus::Writer& out) : out_(out), array_(out.begin_array(8)) {}
  void text(const char* name, const std::string& value) { begin(name, "s").text(value); }
  void flag(const char* name, bool value) { begin(name, "b").boolean(value); }
  void number(const char* name, std::uint64_t value) {
    begin(name, "t").number64(value >= kUnlimited ? ~std::uint64_t{0} : value);
  }
  void pids(const char* name, int pid) {
    begin(name, "au");
    const auto list = out_.begin_array(4);
    out_.number32(static_cast<std::uint32_t>(pid));
    out_.end_array(list);
  }
  void limits(const CgroupLimits& limits);
  void end() { out_.end_array(array_); }

 private:
  dbus::Writer& begin(const char* name, const char* type) {
    return out_.align(8).text(name).signature(type);
  }

  dbus::Writer& out_;
  dbus::Writer::Array array_;
};

// Others are set in the group's files alone, which is ours by Delegate. The names are those of
// version 2, which systemd translates where it has version 1. [systemd.resource-control(5)]
void Properties::limits(const CgroupLimits& limits) {
  if (limits.memory_bytes) number("MemoryMax", *limits.memory_bytes);
  if (limits.memory_reservation_bytes) number("MemoryLow", *limits.memory_reservation_bytes);
  if (limits.memory_swap_bytes && limits.memory_bytes)
    number("MemorySwapMax", *limits.memory_swap_bytes >= kUnlimited
                                ? kNoLimit
                                : *limits.memory_swap_bytes -
                                      std::min(*limits.memory_swap_bytes, *limits.memory_bytes));
  if (limits.cpu_shares && *limits.cpu_shares != 0)
    number("CPUWeight", cgroups::weight_of_shares(*limits.cpu_shares));
  if (limits.cpu_quota_us) {
    const std::uint64_t period = limits.cpu_period_us.value_or(100'000);
    // Rounded up to 10 ms, below which systemd refuses.
    constexpr std::uint64_t kStep = 10'000;
    std::uint64_t per_second = kNoLimit;
    if (*limits.cpu_quota_us < kUnlimited && period != 0)
      per_second = (*limits.cpu_quota_us * kUsPerSecond / period + kStep - 1) / kStep * kStep;
    number("CPUQuotaPerSecUSec", per_second);
  }
  if (limits.pids) number("TasksMax", *limits.pids);
}

bool is_unit_text(std::string_view text) {
  for (const char c : text)
    if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != ':' &&
        c != '-' && c != '_' && c != '.' && c != '\\' && c != '@')
      return false;
  return true;
}

dbus::Message match_of_jobs() {
  dbus::Writer body;
  body.text(
      "type='signal',sender='org.freedesktop.systemd1',"
      "interface='org.freedesktop.systemd1.Manager',member='JobRemoved'");
  return {.path = "/org/freedesktop/DBus",
          .interface = "org.freedesktop.DBus",
          .member = "AddMatch",
          .destination = "org.freedesktop.DBus",
          .signature = "s",
          .body = body.bytes()};
}

// JobRemoved (u id, o job, s unit, s result) tells how it went.
Result<> wait_for(dbus::Connection& bus, const std::string& job, const std::string& unit) {
  constexpr std::chrono::seconds kPatience(25);
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    const dbus::Message signal =
        TRY(bus.next_signal("JobRemoved", std::max(left, std::chrono::milliseconds(0))),
            "wait for " + unit);
    dbus::Reader body(signal.body);
    body.number32();
    if (body.text() != job) continue;
    body.text();
    const std::string result = body.text();
    if (result == "done") return {};
    return fail(Kind::Unavailable,
                "systemd did not make " + quoted(unit) + ": the job ended as " + quoted(result));
  }
}

}  // namespace

Result<ScopeName> parse_scope_name(std::string_view path) {
  const auto bad = [&](const char* why) {
    return std::unexpected(Error(Kind::Invalid, "cgroups path " + quoted(path) + ": " + why)
                               .hint("with systemd it is slice:prefix:name, as "
                                     "machine.slice:tare:web"));
  };
  const std::vector<std::string> parts = split(path, ':');
  if (parts.size() != 3) return bad("there are not three parts");
  if (!is_unit_text(parts[0]) || !is_unit_text(parts[1]) || !is_unit_text(parts[2]))
    return bad("a unit's name cannot have these characters");
  if (parts[2].empty()) return bad("the name is missing");
  if (!parts[0].empty() && !parts[0].ends_with(".slice")) return bad("a slice ends in .slice");
  ScopeName name{.slice = parts[0], .unit = parts[2]};
  // A name that is a slice already is not supported: a slice has no processes of its own.
  if (name.unit.ends_with(".slice")) return bad("a slice cannot hold a process");
  if (!name.unit.ends_with(".scope"))
    name.unit = (parts[1].empty() ? "" : parts[1] + "-") + parts[2] + ".scope";
  constexpr std::size_t kLongest = 255;  // [systemd: UNIT_NAME_MAX]
  if (name.unit.size() > kLongest) return bad("it is too long");
  return name;
}

Result<std::string> find_bus(std::string_view user_bus) {
  struct stat info{};
  // [sd_booted(3)]
  if (::lstat("/run/systemd/system", &info) != 0 || !S_ISDIR(info.st_mode))
    return std::unexpected(
        Error(Kind::Unsupported, "systemd is asked for the control group and does not run here")
            .hint("leave out --systemd-cgroup, and give a path as cgroupsPath"));
  if (::geteuid() == 0 && in_initial_user_namespace()) return "/run/dbus/system_bus_socket";
  // "unix:path=/run/user/1000/bus,guid=..."
  constexpr std::string_view kPrefix = "unix:path=";
  if (user_bus.starts_with(kPrefix)) {
    const std::string_view path = user_bus.substr(kPrefix.size());
    return std::string(path.substr(0, path.find_first_of(",;")));
  }
  return std::unexpected(
      Error(Kind::Unsupported, "the bus of the user's systemd was not found")
          .hint(
              "in a login session DBUS_SESSION_BUS_ADDRESS names it: unix:path=/run/user/ID/bus"));
}

void write_limits(dbus::Writer& out, const CgroupLimits& limits) {
  Properties properties(out);
  properties.limits(limits);
  properties.end();
}

Result<> start_scope(dbus::Connection& bus, const ScopeName& name, int pid,
                     const CgroupLimits& limits) {
  // Without a subscriber systemd sends no signals, and the bus passes on none that is not asked
  // for.
  TRY(bus.call(manager_call("Subscribe")), "talk to systemd");
  TRY(bus.call(match_of_jobs()), "talk to the bus");
  dbus::Writer body;
  body.text(name.unit).text("replace");
  Properties properties(body);
  properties.text("Description", "container " + name.unit);
  if (!name.slice.empty()) properties.text("Slice", name.slice);
  properties.flag("Delegate", true);
  properties.flag("DefaultDependencies", false);
  properties.flag("MemoryAccounting", true);
  properties.flag("CPUAccounting", true);
  properties.flag("TasksAccounting", true);
  // Else a scope whose process failed stays, and its name with it.
  properties.text("CollectMode", "inactive-or-failed");
  properties.pids("PIDs", pid);
  properties.limits(limits);
  properties.end();
  body.end_array(body.begin_array(8));  // No units beside it.
  dbus::Message message = manager_call("StartTransientUnit");
  message.signature = "ssa(sv)a(sa(sv))";
  message.body = body.bytes();
  const dbus::Message reply = TRY(bus.call(std::move(message)), "make " + quoted(name.unit));
  return wait_for(bus, dbus::Reader(reply.body).text(), name.unit);
}

Result<> set_limits(dbus::Connection& bus, const std::string& unit, const CgroupLimits& limits) {
  dbus::Writer body;
  body.text(unit).boolean(true);  // Only until the next boot.
  write_limits(body, limits);
  dbus::Message message = manager_call("SetUnitProperties");
  message.signature = "sba(sv)";
  message.body = body.bytes();
  TRY(bus.call(std::move(message)), "change the limits of " + quoted(unit));
  return {};
}

}  // namespace tare::sys::systemd
