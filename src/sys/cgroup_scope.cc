// SPDX-License-Identifier: Apache-2.0
// Groups that systemd makes: found by asking the kernel where the process landed.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "sys/cgroup_apply.h"
#include "sys/cgroup_files.h"
#include "sys/systemd.h"

namespace tare::sys {
namespace {

// "3:memory:/a" or "0::/a": the path behind the second colon.
std::string path_in(std::string_view cgroups, std::string_view middle) {
  for (const std::string& line : split(cgroups, '\n')) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    if (std::string_view(line).substr(first + 1, second - first - 1) == middle)
      return line.substr(second + 1);
  }
  return {};
}

bool is_scope(const std::string& path) { return path.ends_with(".scope"); }

}  // namespace

Result<Cgroup> Cgroup::prepare_scope(const Request& request, const CgroupHost& host) {
  TRY(systemd::parse_scope_name(request.path));
  TRY(systemd::find_bus(request.bus));
  Cgroup group(host);
  group.bus_ = request.bus;
  group.scope_ = request;
  return group;
}

Result<> Cgroup::start_scope(int pid) {
  if (!scope_) return fail(Kind::Internal, "no scope was asked for");
  const systemd::ScopeName name = TRY(systemd::parse_scope_name(scope_->path));
  const std::string socket = TRY(systemd::find_bus(bus_));
  dbus::Connection bus = TRY(dbus::Connection::open(socket));
  TRY(systemd::start_scope(bus, name, pid, scope_->limits));
  const std::string own = TRY(cgroups::read_file(fmt::format("/proc/{}/cgroup", pid)));
  // systemd keeps its own tree in version 2, or in a hierarchy of version 1 that has its name.
  std::string path = path_in(own, "");
  if (!is_scope(path)) path = path_in(own, "name=systemd");
  if (!is_scope(path))
    return fail(Kind::Unavailable, "systemd made " + quoted(name.unit) +
                                       " and did not put the process there, but in " +
                                       quoted(path));
  TRY(adopt_scope(path, *scope_));
  scope_.reset();
  return {};
}

// The same path in every hierarchy: made, where systemd did not.
Result<> Cgroup::adopt_scope(const std::string& path, const Request& request) {
  if (host_->v2_writable && cgroups::exists(host_->v2_mount + path))
    directories_.push_back(host_->v2_mount + path);
  for (const auto& [controller, mount] : host_->v1) {
    const std::string directory = mount + path;
    if (std::ranges::find(directories_, directory) != directories_.end()) continue;
    if (!cgroups::exists(directory)) {
      TRY(cgroups::make_group(mount, directory, {}, parents_));
      if (controller == "cpuset") TRY(cgroups::fill_cpuset(mount, directory));
    }
    directories_.insert(directories_.begin(), directory);
  }
  return cgroups::apply(*host_, directories_, request.limits, &warnings_);
}

// What systemd was told at the start it writes again when it reloads.
Result<> Cgroup::tell_systemd(const CgroupLimits& limits) const {
  const std::string at = path();
  if (!is_scope(at)) return {};
  const auto socket = systemd::find_bus(bus_);
  if (!socket) return {};  // Somebody else's group with such a name.
  dbus::Connection bus = TRY(dbus::Connection::open(*socket));
  return systemd::set_limits(bus, at.substr(at.rfind('/') + 1), limits);
}

}  // namespace tare::sys
