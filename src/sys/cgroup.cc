// SPDX-License-Identifier: Apache-2.0
#include "sys/cgroup.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/text.h"
#include "base/undo.h"
#include "sys/cgroup_apply.h"
#include "sys/cgroup_files.h"

namespace tare::sys {
namespace {

using cgroups::exists;

// One directory to make.
struct Place {
  std::string base;  // There already.
  std::string directory;
  bool v2 = false;
  bool cpuset = false;  // Version 1's, which has to be filled.
};

Result<> check_path(const std::string& path) {
  const auto bad = [&] {
    return fail(Kind::Invalid, quoted(path) + " cannot be the path of a control group");
  };
  constexpr std::size_t kLongest = 4000;
  if (path.empty() || path.size() > kLongest || path.find('\0') != std::string::npos ||
      path.find('\n') != std::string::npos)
    return bad();
  const auto parts = split(path.starts_with('/') ? std::string_view(path).substr(1) : path, '/');
  for (const std::string& part : parts)
    if (part.empty() || part == "." || part == "..") return bad();
  return {};
}

Place v1_place(const CgroupHost::Place& controller, const std::string& path) {
  const std::string separator = path.starts_with('/') ? "" : "/";
  return {.base = controller.second,
          .directory = controller.second + separator + path,
          .cpuset = controller.first == "cpuset"};
}

Place v2_place(const CgroupHost& host, const std::string& path) {
  if (path.starts_with('/'))
    return {.base = host.v2_mount, .directory = host.v2_mount + path, .v2 = true};
  const std::string base = cgroups::v2_base(host);
  return {.base = base, .directory = base + "/" + path, .v2 = true};
}

// Statistics and the end of a container need these. Version 2 counts processor time and freezes
// even where it has no controllers.
bool is_usual(const CgroupHost& host, std::string_view controller) {
  if (controller == "cpuacct" || controller == "freezer") return !host.v2_writable;
  return controller == "memory" || controller == "pids";
}

std::vector<Place> places(const CgroupHost& host, const Cgroup::Request& request) {
  std::vector<Place> all;
  const std::vector<std::string> needed = cgroups::needed_v1(host, request.limits);
  for (const CgroupHost::Place& controller : host.v1) {
    if (request.reach == Cgroup::Reach::Needed && !is_usual(host, controller.first) &&
        std::ranges::find(needed, controller.first) == needed.end())
      continue;
    const Place place = v1_place(controller, request.path);
    // cpu and cpuacct are often one hierarchy at one place.
    const auto same = std::ranges::find(all, place.directory, &Place::directory);
    if (same == all.end())
      all.push_back(place);
    else
      same->cpuset |= place.cpuset;
  }
  if (host.v2_writable) all.push_back(v2_place(host, request.path));
  return all;
}

// What is handed down to the group: what statistics are made of, and what limits need.
std::vector<std::string> controllers_for_v2(const CgroupHost& host, const CgroupLimits& limits) {
  std::vector<std::string> names = cgroups::needed_v2(host, limits);
  for (const char* usual : {"memory", "cpu", "pids", "io"})
    if (cgroups::has_v2(host, usual) && std::ranges::find(names, usual) == names.end())
      names.emplace_back(usual);
  return names;
}

Result<> make_place(const CgroupHost& host, const Place& place, const CgroupLimits& limits,
                    std::vector<std::string>& parents) {
  const auto controllers = place.v2 ? controllers_for_v2(host, limits) : std::vector<std::string>{};
  TRY(cgroups::make_group(place.base, place.directory, controllers, parents));
  if (place.cpuset) TRY(cgroups::fill_cpuset(place.base, place.directory));
  return {};
}

}  // namespace

std::string tare_group(const std::string& name) {
  return name.find('/') == std::string::npos ? "tare/" + name : name;
}

Result<Cgroup> Cgroup::create(const Request& request, const CgroupHost& host) {
  if (request.systemd) return prepare_scope(request, host);
  TRY(check_path(request.path));
  Cgroup group(host);
  Undo undo;
  undo.push([&group]() noexcept { (void)group.remove(); });
  for (const Place& place : places(host, request)) {
    group.directories_.push_back(place.directory);
    auto made = make_place(host, place, request.limits, group.parents_);
    if (made) continue;
    // A group that is somebody else's is not ours to remove.
    if (made.error().kind() == Kind::Busy || made.error().kind() == Kind::Denied)
      group.directories_.pop_back();
    if (request.limits.empty() && made.error().kind() == Kind::Denied) continue;
    return std::unexpected(std::move(made).error().wrap("make the container's control group"));
  }
  TRY(cgroups::apply(host, group.directories_, request.limits, &group.warnings_));
  undo.keep();
  return group;
}

Result<Cgroup> Cgroup::create(const std::string& name, const CgroupLimits& limits) {
  Cgroup group = TRY(create({.path = tare_group(name), .limits = limits}));
  group.parents_.clear();  // "tare" stays: the next container goes there, perhaps now.
  return group;
}

Cgroup Cgroup::open_at(const std::string& path, const CgroupHost& host) {
  Cgroup group(host);
  if (!check_path(path)) return group;
  for (const Place& place : places(host, {.path = path, .reach = Reach::Every}))
    if (exists(place.directory)) group.directories_.push_back(place.directory);
  return group;
}

// Looks at no hierarchy in which groups of ours never are: this is part of every start.
Cgroup Cgroup::open(const std::string& name) {
  Cgroup group(cgroup_host());
  for (std::string& directory : possible_directories(tare_group(name)))
    if (exists(directory)) group.directories_.push_back(std::move(directory));
  return group;
}

Cgroup Cgroup::reopen(std::vector<std::string> directories, std::vector<std::string> parents,
                      const CgroupHost& host) {
  Cgroup group(host);
  group.directories_ = std::move(directories);
  group.parents_ = std::move(parents);
  return group;
}

std::vector<std::string> Cgroup::possible_directories(const std::string& path,
                                                      const CgroupHost& host) {
  std::vector<std::string> all;
  if (!check_path(path)) return all;
  for (const auto& controller : host.v1)
    if (is_usual(host, controller.first) || cgroups::can_limit_v1(controller.first))
      if (const std::string directory = v1_place(controller, path).directory;
          std::ranges::find(all, directory) == all.end())
        all.push_back(directory);
  if (host.v2_writable) all.push_back(v2_place(host, path).directory);
  return all;
}

Result<> Cgroup::add(int pid, Which which) const {
  for (const std::string& directory : directories_) {
    if (which == Which::V1 && cgroups::is_in_v2(*host_, directory)) continue;
    auto moved = cgroups::write_file(directory + "/cgroup.procs", std::to_string(pid));
    if (moved) continue;
    Error error = std::move(moved).error().wrap("move process " + std::to_string(pid) +
                                                " into its control group");
    if (error.errnum() == EBUSY)
      error = std::move(error).hint(
          "groups below have controllers, and version 2 lets no process live above them");
    return std::unexpected(std::move(error));
  }
  return {};
}

Result<Fd> Cgroup::v2_directory() const {
  const std::string directory = cgroups::v2_directory(*host_, directories_);
  if (directory.empty()) return Fd();
  return sys::open_path(directory, O_RDONLY | O_DIRECTORY);
}

std::string Cgroup::directory_of(std::string_view controller) const {
  if (const auto v1 = cgroups::v1_directory(*host_, directories_, controller); !v1.empty())
    return v1;
  if (!cgroups::has_v2(*host_, controller)) return {};
  return cgroups::v2_directory(*host_, directories_);
}

Result<> Cgroup::update(const CgroupLimits& limits, std::vector<std::string>* warnings) {
  TRY(tell_systemd(limits));
  TRY(join_needed(limits));
  return cgroups::apply(*host_, directories_, limits, warnings);
}

// The path that all directories have below their mounts, with "/" in front.
std::string Cgroup::path() const {
  for (const std::string& directory : directories_) {
    for (const auto& [controller, mount] : host_->v1)
      if (directory.starts_with(mount + "/")) return directory.substr(mount.size());
    if (cgroups::is_in_v2(*host_, directory)) return directory.substr(host_->v2_mount.size());
  }
  return {};
}

Result<> Cgroup::join_needed(const CgroupLimits& limits) {
  const std::string at = path();
  if (at.empty()) return {};
  if (const std::string v2 = cgroups::v2_directory(*host_, directories_); !v2.empty()) {
    const std::string base = cgroups::v2_base(*host_);
    if (const auto needed = cgroups::needed_v2(*host_, limits); !needed.empty())
      TRY(cgroups::hand_down_to(v2.starts_with(base + "/") ? base : host_->v2_mount, v2, needed));
  }
  std::vector<std::string> late;
  for (const std::string& controller : cgroups::needed_v1(*host_, limits)) {
    if (!cgroups::v1_directory(*host_, directories_, controller).empty()) continue;
    const Place place = v1_place({controller, cgroups::v1_mount(*host_, controller)}, at);
    TRY(make_place(*host_, place, limits, parents_));
    directories_.push_back(place.directory);
    late.push_back(place.directory);
  }
  if (late.empty()) return {};
  // Those born meanwhile are in the groups of their parents, so until a round finds nobody.
  constexpr int kRounds = 100;
  std::vector<int> moved;
  for (int round = 0; round < kRounds; ++round) {
    bool any = false;
    for (const int pid : TRY(processes(Depth::WithBelow))) {
      if (std::ranges::find(moved, pid) != moved.end()) continue;
      any = true;
      moved.push_back(pid);
      for (const std::string& directory : late) {
        auto done = cgroups::write_file(directory + "/cgroup.procs", std::to_string(pid));
        if (!done && done.error().errnum() != ESRCH) return done;
      }
    }
    if (!any) return {};
  }
  return fail(Kind::Busy, "processes are born faster than they can be moved to a new group");
}

Result<> Cgroup::remove() const {
  for (const std::string& directory : directories_) TRY(cgroups::remove_patiently(directory));
  for (auto above = parents_.rbegin(); above != parents_.rend(); ++above) ::rmdir(above->c_str());
  return {};
}

}  // namespace tare::sys
