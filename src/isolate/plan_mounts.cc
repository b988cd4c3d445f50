// SPDX-License-Identifier: Apache-2.0
// The file systems of a container, turned into the list of mounts of a launch plan.
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "isolate/plan.h"
#include "sys/mounts.h"

namespace tare::isolate {
namespace {

constexpr std::uint64_t kNoSuidDev = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
constexpr std::uint64_t kNoSuidDevExec = kNoSuidDev | MOUNT_ATTR_NOEXEC;

struct KnownDevice {
  const char* path;
  unsigned major;
  unsigned minor;
};
// [runtime-spec 1.2 config-linux, "Default Devices"; kernel admin-guide/devices.txt]
constexpr std::array<KnownDevice, 6> kDevices{{{"/dev/null", 1, 3},
                                               {"/dev/zero", 1, 5},
                                               {"/dev/full", 1, 7},
                                               {"/dev/random", 1, 8},
                                               {"/dev/urandom", 1, 9},
                                               {"/dev/tty", 5, 0}}};

// The host's device as a detached bind mount. SECURITY: whoever could put another file at the path
// would have it used as the mask of every container [CVE-2025-31133].
Result<sys::Fd> open_device(const std::string& path, std::uint32_t type, dev_t number) {
  sys::Fd mount(::open_tree(AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  if (!mount) return fail_errno("use the host's " + path);
  struct stat status{};
  if (::fstat(mount.get(), &status) != 0) return fail_errno("look at the host's " + path);
  if ((status.st_mode & S_IFMT) != type || status.st_rdev != number)
    return fail(Kind::Denied, fmt::format("the host's {} is not the device {}:{}", path,
                                          major(number), minor(number)));
  return mount;
}

// A node for the device of `node`, of root of the container, on a file system that has nothing
// else: the host's belongs to a user that the container does not have. Empty where the kernel does
// not clone what is mounted nowhere (before 6.15), or nobody may make nodes.
Result<sys::Fd> make_node(const sys::Fd& node, const Spec& spec) {
  struct stat status{};
  if (::fstat(node.get(), &status) != 0) return fail_errno("look at a device");
  const std::uint32_t uid = TRY(spec.uids.outside_of(0));
  const std::uint32_t gid = TRY(spec.gids.outside_of(0));
  const std::vector<sys::FsOption> options{{.key = "mode", .value = "755"},
                                           {.key = "size", .value = "4k"}};
  const sys::Fd place = TRY(sys::mount_filesystem("tmpfs", options, MOUNT_ATTR_NOSUID));
  if (::mknodat(place.get(), "node", status.st_mode, status.st_rdev) != 0) return sys::Fd();
  if (::fchownat(place.get(), "node", uid, gid, AT_SYMLINK_NOFOLLOW) != 0 ||
      ::fchmodat(place.get(), "node", status.st_mode & 0777U, 0) != 0)
    return fail_errno("give a device to the container");
  return sys::Fd(::open_tree(place.get(), "node", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
}

// "net.ipv4.conf.eth0/1.x": dots separate and a slash stands for a dot in a name. [sysctl(8)]
std::string sysctl_path(std::string name) {
  for (char& c : name) c = c == '.' ? '/' : (c == '/' ? '.' : c);
  return "sys/" + name;
}

bool same_target(std::string_view left, std::string_view right) {
  const auto normal = [](std::string_view path) {
    std::vector<std::string> parts = split(path, '/');
    std::erase_if(parts, [](const std::string& part) { return part.empty() || part == "."; });
    return parts;
  };
  return normal(left) == normal(right);
}

}  // namespace

child::Mount& PlanMemory::add_own(const char* target, const char* type, std::uint64_t attributes,
                                  std::vector<child::Option> options) {
  const auto& kept = options_.emplace_back(std::move(options));
  mounts_.push_back(
      {.target = target,
       .type = type,
       .source_name = type,
       .options = {.items = kept.data(), .count = static_cast<std::uint32_t>(kept.size())},
       .attributes = attributes,
       .stub = true});
  return mounts_.back();
}

// A part of the host's own tree at the same place.
Result<> PlanMemory::add_host(const char* target, bool recursive, std::uint64_t attributes) {
  const sys::Fd place = TRY(sys::open_path(target, O_PATH | O_DIRECTORY));
  fds_.push_back(TRY(sys::clone_mount(place.get(), recursive)));
  const int source = fds_.back().get();
  TRY(sys::set_mount_attributes(source, attributes, 0, recursive, MS_PRIVATE));
  mounts_.push_back({.target = target, .source = source, .stub = true});
  return {};
}

// /proc, /sys and /sys/fs/cgroup: the container's own, as far as its namespaces are; else the
// host's, with what hides parts of them.
Result<> PlanMemory::add_process_mounts(const Spec& spec) {
  container_.proc = static_cast<int>(mounts_.size());
  if (spec.pid == Namespace::New)
    add_own("/proc", "proc", kNoSuidDevExec);
  else
    TRY(add_host("/proc", true, 0), "share the host's /proc with the container");
  constexpr std::uint64_t kSafe = MOUNT_ATTR_RDONLY | kNoSuidDevExec;
  const std::uint64_t system = spec.writable_system ? kNoSuidDevExec : kSafe;
  const bool own_sys = spec.network == Namespace::New;
  if (own_sys)
    add_own("/sys", "sysfs", system).or_host = true;
  else
    TRY(add_host("/sys", true, system), "share the host's /sys with the container");
  const sys::CgroupHost& groups = sys::cgroup_host();
  if (groups.layout == sys::CgroupLayout::None) return {};
  if (spec.cgroup == Namespace::Host) return add_host("/sys/fs/cgroup", true, kSafe);
  const bool v2 =
      !spec.cgroup_name.empty() && groups.writable && groups.layout == sys::CgroupLayout::V2;
  if (spec.own_groups)
    add_own("/sys/fs/cgroup", "cgroup2", kNoSuidDevExec);
  else if (v2)
    add_own("/sys/fs/cgroup", "cgroup2", kSafe);
  else
    add_own("/sys/fs/cgroup", "tmpfs", kSafe, {{"mode", "755"}}).only_after_host = own_sys;
  return {};
}

// /dev is always a new tmpfs; nothing of the image's /dev is ever seen.
Result<> PlanMemory::add_device_mounts(const Spec& spec) {
  add_own("/dev", "tmpfs", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
          {{"mode", "755"}, {"size", "64m"}});
  // Every devpts mount is an instance of its own since Linux 4.7.
  std::vector<child::Option> pts{{"ptmxmode", "0666"}, {"mode", "0620"}};
  constexpr std::uint32_t kTtyGroup = 5;
  if (spec.gids.outside_of(kTtyGroup)) pts.push_back({"gid", "5"});
  container_.pts = static_cast<int>(mounts_.size());
  add_own("/dev/pts", "devpts", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, std::move(pts));
  if (spec.ipc == Namespace::New) {
    add_own("/dev/shm", "tmpfs", kNoSuidDevExec,
            {{"mode", "1777"}, {"size", keep(std::to_string(spec.shm_bytes))}});
    add_own("/dev/mqueue", "mqueue", kNoSuidDevExec);
    return {};
  }
  TRY(add_host("/dev/shm", false, 0), "share the host's /dev/shm with the container");
  if (::access("/dev/mqueue", F_OK) == 0)
    TRY(add_host("/dev/mqueue", false, 0), "share the host's /dev/mqueue with the container");
  return {};
}

Result<> PlanMemory::add_usual_mounts(const Spec& spec) {
  TRY(add_process_mounts(spec));
  TRY(add_device_mounts(spec));
  container_.devices_after = static_cast<std::uint32_t>(mounts_.size());
  container_.device_links = true;
  container_.devices_no_exec = true;
  return add_usual_devices();
}

Result<> PlanMemory::add_usual_devices() {
  for (const KnownDevice& device : kDevices) {
    fds_.push_back(TRY(open_device(device.path, S_IFCHR, makedev(device.major, device.minor))));
    devices_.push_back({.path = device.path, .mount = fds_.back().get()});
  }
  return {};
}

// In a user namespace nobody may make device nodes: there it is the host's of the same path.
Result<> PlanMemory::add_devices(const Spec& spec) {
  if (!spec.usual_mounts) {
    container_.devices_after = static_cast<std::uint32_t>(mounts_.size());
    container_.device_links = spec.device_links;
  }
  const bool bind = container_.user || !sys::in_initial_user_namespace();
  for (const Device& device : spec.devices) {
    child::Device entry{.path = keep(device.path),
                        .mode = device.mode,
                        .number = makedev(device.major, device.minor),
                        .uid = device.uid,
                        .gid = device.gid};
    if (bind && !S_ISFIFO(device.mode)) {
      const std::string& source = device.source.empty() ? device.path : device.source;
      sys::Fd node = TRY(open_device(source, device.mode & S_IFMT, entry.number));
      if (device.given && !spec.uids.ranges.empty() && sys::in_initial_user_namespace())
        if (sys::Fd own = TRY(make_node(node, spec))) node = std::move(own);
      fds_.push_back(std::move(node));
      entry.mount = fds_.back().get();
    }
    devices_.push_back(entry);
  }
  return {};
}

Result<> PlanMemory::add_mount(const Mount& mount) {
  TRY(check_text(mount.target, "mount point"));
  if (!mount.target.starts_with('/') || same_target(mount.target, "/"))
    return fail(Kind::Invalid,
                "mount point " + quoted(mount.target) + " is not an absolute path below the root");
  child::Mount entry{.target = keep(mount.target)};
  entry.propagation = mount.propagation;
  entry.copy_up = mount.copy_up;
  switch (mount.kind) {
    case MountKind::Bind:
      TRY(add_bind(mount, entry), "mount at " + quoted(mount.target));
      break;
    case MountKind::Tmpfs:
      add_tmpfs(mount, entry);
      break;
    case MountKind::FileSystem:
    case MountKind::Cgroups:
      add_file_system(mount, entry);
      break;
  }
  mounts_.push_back(entry);
  return {};
}

Result<> PlanMemory::add_bind(const Mount& mount, child::Mount& entry) {
  entry.source = mount.source.get();
  entry.directory = mount.source_is_directory;
  if (mount.source_is_ready) return {};
  // With all below it, as far as the source was cloned: a read-only bind is read-only.
  const std::uint64_t attributes = kNoSuidDev | (mount.read_only ? MOUNT_ATTR_RDONLY : 0);
  // SECURITY: private, else what the container mounts below it would be mounted on the host, too.
  return sys::set_mount_attributes(entry.source, attributes, 0, true, MS_PRIVATE);
}

void PlanMemory::add_tmpfs(const Mount& mount, child::Mount& entry) {
  entry.type = entry.source_name = "tmpfs";
  entry.attributes = kNoSuidDev;
  if (mount.read_only) entry.attributes |= MOUNT_ATTR_RDONLY;
  if (!mount.executable) entry.attributes |= MOUNT_ATTR_NOEXEC;
  auto& options = options_.emplace_back();
  if (mount.tmpfs_bytes != 0) options.push_back({"size", keep(std::to_string(mount.tmpfs_bytes))});
  options.push_back({"mode", keep(fmt::format("{:o}", mount.tmpfs_mode & 07777U))});
  entry.options = {.items = options.data(), .count = static_cast<std::uint32_t>(options.size())};
}

void PlanMemory::add_file_system(const Mount& mount, child::Mount& entry) {
  const auto index = static_cast<int>(mounts_.size());
  entry.type = keep(mount.type);
  entry.source_name = keep(mount.source_name.empty() ? mount.type : mount.source_name);
  entry.attributes = mount.attributes;
  auto& options = options_.emplace_back();
  for (const auto& [key, value] : mount.options)
    options.push_back({keep(key), value.empty() ? nullptr : keep(value)});
  entry.options = {.items = options.data(), .count = static_cast<std::uint32_t>(options.size())};
  // What has to be made in it is made first.
  entry.late_read_only = mount.type == "tmpfs" && (mount.attributes & MOUNT_ATTR_RDONLY) != 0;
  if (entry.late_read_only) entry.attributes &= ~std::uint64_t{MOUNT_ATTR_RDONLY};
  entry.or_host = mount.type == "sysfs" && same_target(mount.target, "/sys");
  // Links of the image shall not move what the kernel provides.
  if (mount.type == "proc" && same_target(mount.target, "/proc")) {
    container_.proc = index;
    entry.stub = true;
  }
  entry.stub |= entry.or_host;
  if (mount.type == "devpts" && same_target(mount.target, "/dev/pts")) container_.pts = index;
  if (mount.type == "tmpfs" && same_target(mount.target, "/dev")) entry.stub = true;
}

// The groups of the container itself, with the names of the host's hierarchies; the whole tree of
// version 2 when it shares the host's cgroup namespace.
// [runtime-spec 1.2 config-linux, "Control groups"]
Result<> PlanMemory::add_cgroups(const Spec& spec, const Mount& mount, const sys::Cgroup& cgroup) {
  const sys::CgroupHost& host = sys::cgroup_host();
  const auto bind = [&](const std::string& from, std::string target) -> Result<> {
    fds_.push_back(TRY(sys::clone_mount(from)));
    TRY(sys::set_mount_attributes(fds_.back().get(), mount.attributes | kNoSuidDevExec, 0, false,
                                  MS_PRIVATE));
    mounts_.push_back({.target = keep(std::move(target)), .source = fds_.back().get()});
    return {};
  };
  if (host.layout == sys::CgroupLayout::V2) {
    // The group that systemd makes is there only when the process is in it.
    if (spec.cgroup == Namespace::New && cgroup.needs_scope()) {
      Mount later{.kind = MountKind::FileSystem, .target = mount.target, .type = "cgroup2"};
      later.attributes = mount.attributes | kNoSuidDevExec;
      return add_mount(later);
    }
    const bool all = spec.cgroup == Namespace::Host || cgroup.directories().empty();
    return bind(all ? host.v2_mount : cgroup.directories().front(), mount.target);
  }
  Mount top{.kind = MountKind::FileSystem, .target = mount.target, .type = "tmpfs"};
  top.options = {{"mode", "755"}};
  top.attributes = mount.attributes | kNoSuidDevExec;
  TRY(add_mount(top));
  for (const std::string& directory : cgroup.directories()) {
    // "/sys/fs/cgroup/memory/NAME": the hierarchy is the longest mount point in front of it.
    const std::string& v2 = host.v2_mount;
    std::string mount_point = !v2.empty() && directory.starts_with(v2 + "/") ? v2 : "";
    for (const auto& [controller, point] : host.v1)
      if (directory.starts_with(point + "/") && point.size() > mount_point.size())
        mount_point = point;
    if (mount_point.empty()) continue;
    TRY(bind(directory, mount.target + mount_point.substr(mount_point.rfind('/'))));
  }
  return {};
}

void PlanMemory::finish_mounts() {
  made_.assign(mounts_.size(), -1);
  container_.made = made_.data();
  container_.mounts = {.items = mounts_.data(),
                       .count = static_cast<std::uint32_t>(mounts_.size())};
  container_.devices = {.items = devices_.data(),
                        .count = static_cast<std::uint32_t>(devices_.size())};
}

void PlanMemory::add_files(const Spec& spec) {
  constexpr std::size_t kRoom = 1 << 20;  // For what the container adds to its /etc/hosts.
  std::size_t total = kRoom;
  constexpr std::size_t kPage = 4096;
  for (const File& file : spec.files) {
    // What the user mounts there wins.
    const auto covered = [&file](const Mount& mount) {
      return same_target(mount.target, file.target);
    };
    if (std::ranges::any_of(spec.mounts, covered)) continue;
    files_.push_back({.target = keep(file.target),
                      .content = file.content.data(),
                      .size = file.content.size(),
                      .mode = file.mode,
                      .uid = file.uid,
                      .gid = file.gid,
                      .read_only = file.read_only});
    total += file.content.size() + kPage;
  }
  container_.files = {.items = files_.data(), .count = static_cast<std::uint32_t>(files_.size())};
  container_.files_size = keep(std::to_string(total));
}

Result<> PlanMemory::add_paths(const Spec& spec) {
  for (const std::string& path : spec.read_only_paths) read_only_paths_.push_back(keep(path));
  for (const std::string& path : spec.masked_paths) masked_paths_.push_back(keep(path));
  for (const auto& [name, value] : spec.sysctls) {
    TRY(check_text(name, "sysctl"));
    const std::string_view text = keep(value);
    sysctls_.push_back(
        {.path = keep(sysctl_path(name)), .value = text.data(), .size = text.size()});
  }
  container_.read_only_paths = {.items = read_only_paths_.data(),
                                .count = static_cast<std::uint32_t>(read_only_paths_.size())};
  container_.masked_paths = {.items = masked_paths_.data(),
                             .count = static_cast<std::uint32_t>(masked_paths_.size())};
  container_.sysctls = {.items = sysctls_.data(),
                        .count = static_cast<std::uint32_t>(sysctls_.size())};
  return {};
}

}  // namespace tare::isolate
