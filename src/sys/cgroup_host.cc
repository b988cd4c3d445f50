// SPDX-License-Identifier: Apache-2.0
// Which hierarchies of control groups there are, and what of them is ours to use.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "sys/cgroup_files.h"
#include "sys/ids.h"

namespace tare::sys {
namespace cgroups {
namespace {

// Those that we know how to use, version 1's and version 2's names.
constexpr std::array<std::string_view, 12> kV1Controllers{
    "memory", "cpu",     "cpuacct", "pids",    "freezer",  "cpuset",
    "blkio",  "devices", "hugetlb", "net_cls", "net_prio", "rdma"};
constexpr std::array<std::string_view, 7> kV2Controllers{"memory", "cpu",     "pids", "io",
                                                         "cpuset", "hugetlb", "rdma"};

struct Mount {
  std::string mount_point;
  std::string options;  // v1: ",memory,"; v2: "".
  bool v2 = false;
  bool read_only = false;
};

std::string unescape_mount(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                 (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

bool says_read_only(std::string_view options) {
  return options == "ro" || options.starts_with("ro,");
}

// The cgroup mounts in /proc/self/mountinfo. [proc_pid_mountinfo(5)]
std::vector<Mount> parse_mountinfo(std::string_view text) {
  std::vector<Mount> found;
  for (const std::string& line : split(text, '\n')) {
    const auto halves = line.find(" - cgroup");
    if (halves == std::string::npos) continue;
    const std::vector<std::string> left = split(std::string_view(line).substr(0, halves), ' ');
    const std::vector<std::string> right = split(std::string_view(line).substr(halves + 3), ' ');
    if (left.size() < 6 || right.size() < 3) continue;
    if (right[0] != "cgroup" && right[0] != "cgroup2") continue;
    found.push_back({.mount_point = unescape_mount(left[4]),
                     .options = right[0] == "cgroup" ? "," + right[2] + "," : "",
                     .v2 = right[0] == "cgroup2",
                     .read_only = says_read_only(left[5]) || says_read_only(right[2])});
  }
  return found;
}

bool is_writable(const std::string& directory) { return ::access(directory.c_str(), W_OK) == 0; }

// Of a mount: for root of the host what the mount's own flags say, which need no look.
bool is_writable(const Mount& mount, bool host_root) {
  return host_root ? !mount.read_only : is_writable(mount.mount_point);
}

// The outermost group at or above `own` (a path below `mount`) whose files are ours to write: the
// point from which a user was delegated. "" when there is none. [cgroup-v2.rst, "Delegation"]
std::string delegated_path(const std::string& mount, const std::string& own) {
  std::string best;
  std::string path = own;
  for (;;) {
    const std::string directory = mount + (path == "/" ? "" : path);
    if (is_writable(directory) && is_writable(directory + "/cgroup.procs") &&
        (path == "/" || is_writable(directory + "/cgroup.subtree_control"))) {
      best = path;
    } else if (!best.empty()) {
      return best;
    }
    if (path == "/") return best;
    path.resize(std::max<std::size_t>(path.rfind('/'), 1));
  }
}

std::string own_path(std::string_view cgroups, std::string_view prefix) {
  for (const std::string& line : split(cgroups, '\n'))
    if (line.starts_with(prefix)) return line.substr(prefix.size());
  return "/";
}

void note_controller(CgroupHost& host, std::string_view name) {
  if (std::ranges::find(host.controllers, name) == host.controllers.end())
    host.controllers.emplace_back(name);
}

void look_at_v1(CgroupHost& host, const std::vector<Mount>& mounts) {
  const bool host_root = ::geteuid() == 0 && in_initial_user_namespace();
  for (const std::string_view controller : kV1Controllers) {
    const std::string word = fmt::format(",{},", controller);
    for (const Mount& mount : mounts) {
      if (mount.v2 || mount.options.find(word) == std::string::npos) continue;
      if (!is_writable(mount, host_root)) {
        host.why_not = mount.mount_point + " is not writable for this user";
        host.read_only.emplace_back(controller, mount.mount_point);
        continue;
      }
      host.v1.emplace_back(controller, mount.mount_point);
      note_controller(host, controller);
      break;
    }
  }
  // Hierarchies without a controller: systemd's, or somebody's own.
  for (const Mount& mount : mounts) {
    const std::size_t at = mount.options.find(",name=");
    if (mount.v2 || at == std::string::npos || !is_writable(mount, host_root)) continue;
    host.v1.emplace_back(mount.options.substr(at + 1, mount.options.find(',', at + 1) - at - 1),
                         mount.mount_point);
  }
}

void look_at_v2(CgroupHost& host, std::string_view own_cgroups) {
  const std::string own = own_path(own_cgroups, "0::");
  host.own_v2_path = delegated_path(host.v2_mount, own);
  if (host.own_v2_path.empty()) {
    host.own_v2_path = own;
    host.why_not =
        "no group above ours in " + host.v2_mount +
        " was delegated to this user (systemd-run --user --scope starts a command in one)";
    return;
  }
  host.v2_writable = true;
  host.writable = true;
  const auto controllers = read_file(v2_base(host) + "/cgroup.controllers");
  if (!controllers) return;
  for (const std::string& name : split(trim(*controllers), ' ')) {
    if (std::ranges::find(kV2Controllers, name) == kV2Controllers.end()) continue;
    host.v2_controllers.push_back(name);
    note_controller(host, name);
  }
}

}  // namespace

CgroupHost look(std::string_view mountinfo, std::string_view own_cgroups) {
  CgroupHost host;
  const std::vector<Mount> mounts = parse_mountinfo(mountinfo);
  bool any_v1 = false;
  for (const Mount& mount : mounts) {
    if (mount.v2 && host.v2_mount.empty()) host.v2_mount = mount.mount_point;
    for (const std::string_view controller : kV1Controllers)
      any_v1 |= mount.options.find(fmt::format(",{},", controller)) != std::string::npos;
  }
  if (!host.v2_mount.empty()) {
    host.layout = any_v1 ? CgroupLayout::Hybrid : CgroupLayout::V2;
    look_at_v2(host, own_cgroups);
  } else if (any_v1) {
    host.layout = CgroupLayout::V1;
  } else {
    host.why_not = "no cgroup file system is mounted";
  }
  look_at_v1(host, mounts);
  host.writable |= !host.v1.empty();
  return host;
}

}  // namespace cgroups

const CgroupHost& cgroup_host() {
  static const CgroupHost host = [] {
    const auto mountinfo = cgroups::read_file("/proc/self/mountinfo");
    const auto own = cgroups::read_file("/proc/self/cgroup");
    return cgroups::look(mountinfo ? *mountinfo : "", own ? *own : "");
  }();
  return host;
}

}  // namespace tare::sys
