// SPDX-License-Identifier: Apache-2.0
#include "engine/systemd_mode.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "sys/cgroup.h"

namespace tare::engine {
namespace {

void set_missing(std::vector<std::string>& env, const std::string& key, const std::string& value) {
  const bool there = std::ranges::any_of(
      env, [&key](const std::string& entry) { return entry.starts_with(key + "="); });
  if (!there) env.push_back(key + "=" + value);
}

}  // namespace

bool is_systemd(const std::vector<std::string>& argv) {
  if (argv.empty()) return false;
  const std::string_view path = argv[0];
  const std::size_t slash = path.rfind('/');
  const std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  return name == "systemd" || name == "init";
}

void complete_systemd(CreateRequest& config, const std::string& id) {
  set_missing(config.env, "container", "tare");
  set_missing(config.env, "container_uuid", id.substr(0, 32));  // Becomes the machine id.
  set_missing(config.env, "TERM", "linux");
  config.tty = true;
}

void add_systemd_mounts(isolate::Spec& spec, const CreateRequest& config) {
  struct Directory {
    const char* target;
    std::uint32_t mode;
  };
  constexpr std::array kDirectories{Directory{"/run", 0755}, Directory{"/run/lock", 01777},
                                    Directory{"/tmp", 01777}, Directory{"/var/log/journal", 0755}};
  std::vector<isolate::Mount> mounts;
  for (const Directory& directory : kDirectories) {
    if (std::ranges::find(config.mounts, directory.target, &MountRequest::target) !=
        config.mounts.end())
      continue;
    isolate::Mount& mount = mounts.emplace_back();
    mount.kind = isolate::MountKind::Tmpfs;
    mount.target = directory.target;
    mount.tmpfs_mode = directory.mode;
  }
  // Before those of the user, which may be below them.
  for (isolate::Mount& mount : spec.mounts) mounts.push_back(std::move(mount));
  spec.mounts = std::move(mounts);
}

Result<> check_systemd(const CreateRequest& config) {
  if (config.init)
    return std::unexpected(Error(Kind::Invalid, "--systemd and --init both want to be process 1")
                               .hint("leave --init out: systemd reaps and forwards itself"));
  if (config.pid_mode == "host")
    return fail(Kind::Invalid, "--systemd needs to be process 1: leave --pid host out");
  const sys::CgroupHost& host = sys::cgroup_host();
  if (host.v2_writable) return {};
  Error error(Kind::Unsupported,
              host.v2_mount.empty()
                  ? "--systemd needs control groups of version 2, which are not mounted here"
                  : "--systemd needs a control group of its own: " + host.why_not);
  return std::unexpected(std::move(error).hint(
      host.v2_mount.empty() ? "mount -t cgroup2 none /sys/fs/cgroup/unified"
                            : "systemd-run --user --scope --property Delegate=yes tare run ..."));
}

}  // namespace tare::engine
