// SPDX-License-Identifier: Apache-2.0
#include "sys/cgroup.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <thread>

#include "base/text.h"
#include "base/undo.h"
#include "sys/files.h"

namespace tare::sys {
namespace {

constexpr std::size_t kFileLimit = 1 << 20;
// What limits and statistics need; groups are made in no other v1 hierarchy, each costs a start a
// mkdir(2) and a move.
constexpr std::array<std::string_view, 5> kV1Controllers{"memory", "cpu", "cpuacct", "pids",
                                                         "freezer"};

struct Hierarchy {
  std::string root;  // Path of the mounted cgroup in its hierarchy.
  std::string mount_point;
  std::string controllers;  // v1: ",memory,"; v2: "".
  bool v2 = false;
};

Result<std::string> read_file(const std::string& path) {
  const Fd file = TRY(open_path(path, O_RDONLY));
  return read_all(file.get(), kFileLimit);
}

// One write(2), as cgroup files want it.
Result<> write_file(const std::string& path, const std::string& value) {
  const Fd file = TRY(open_path(path, O_WRONLY));
  if (::write(file.get(), value.data(), value.size()) < 0)
    return fail_errno("write " + quoted(value) + " to " + path);
  return {};
}

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

// The cgroup mounts in /proc/self/mountinfo. [proc_pid_mountinfo(5)]
std::vector<Hierarchy> parse_mountinfo(std::string_view text) {
  std::vector<Hierarchy> found;
  for (const std::string& line : split(text, '\n')) {
    const auto halves = line.find(" - ");
    if (halves == std::string::npos) continue;
    const std::vector<std::string> left = split(std::string_view(line).substr(0, halves), ' ');
    const std::vector<std::string> right = split(std::string_view(line).substr(halves + 3), ' ');
    if (left.size() < 5 || right.size() < 3) continue;
    if (right[0] != "cgroup" && right[0] != "cgroup2") continue;
    found.push_back({.root = unescape_mount(left[3]),
                     .mount_point = unescape_mount(left[4]),
                     .controllers = right[0] == "cgroup" ? "," + right[2] + "," : "",
                     .v2 = right[0] == "cgroup2"});
  }
  return found;
}

bool is_writable(const std::string& directory) { return ::access(directory.c_str(), W_OK) == 0; }

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

void look_at_v1(CgroupHost& host, const std::vector<Hierarchy>& mounts) {
  for (const std::string_view controller : kV1Controllers) {
    if (controller == "freezer" && !host.v2_mount.empty()) continue;  // cgroup.freeze is better.
    const std::string word = fmt::format(",{},", controller);
    for (const Hierarchy& mount : mounts) {
      if (mount.v2 || mount.controllers.find(word) == std::string::npos) continue;
      if (!is_writable(mount.mount_point)) {
        host.why_not = mount.mount_point + " is not writable for this user";
        host.read_only.emplace_back(controller, mount.mount_point);
        continue;
      }
      host.v1.emplace_back(controller, mount.mount_point);
      host.controllers.emplace_back(controller);
      break;
    }
  }
}

void look_at_v2(CgroupHost& host) {
  const auto cgroups = read_file("/proc/self/cgroup");
  host.own_v2_path = cgroups ? own_path(*cgroups, "0::") : "/";
  const std::string base = delegated_path(host.v2_mount, host.own_v2_path);
  if (base.empty()) {
    host.why_not =
        "no group above ours in " + host.v2_mount +
        " was delegated to this user (systemd-run --user --scope starts a command in one)";
    return;
  }
  host.own_v2_path = base;
  host.writable = true;
  const auto controllers =
      read_file(host.v2_mount + (base == "/" ? "" : base) + "/cgroup.controllers");
  if (!controllers) return;
  for (const std::string& name : split(trim(*controllers), ' '))
    if (name == "memory" || name == "cpu" || name == "pids" || name == "io" || name == "cpuset")
      host.controllers.push_back(name);
}

CgroupHost look() {
  CgroupHost host;
  const auto text = read_file("/proc/self/mountinfo");
  const std::vector<Hierarchy> mounts = text ? parse_mountinfo(*text) : std::vector<Hierarchy>{};
  bool any_v1 = false;
  for (const Hierarchy& mount : mounts) {
    if (mount.v2 && host.v2_mount.empty()) host.v2_mount = mount.mount_point;
    for (const std::string_view controller : kV1Controllers)
      any_v1 |= mount.controllers.find(fmt::format(",{},", controller)) != std::string::npos;
  }
  if (!host.v2_mount.empty()) {
    host.layout = any_v1 ? CgroupLayout::Hybrid : CgroupLayout::V2;
    look_at_v2(host);
  } else if (any_v1) {
    host.layout = CgroupLayout::V1;
  } else {
    host.why_not = "no cgroup file system is mounted";
  }
  if (any_v1) look_at_v1(host, mounts);
  host.writable |= !host.v1.empty();
  return host;
}

// Where the groups of container `name` are or would be; the controller of each, "" for v2.
struct Place {
  std::string controller;
  std::string base;  // Directory in which "tare" is.
  std::string directory;
};
std::vector<Place> places(const std::string& name) {
  const CgroupHost& host = cgroup_host();
  std::vector<Place> all;
  const auto add = [&](std::string controller, const std::string& base) {
    // cpu and cpuacct are often one hierarchy at one place.
    const std::string directory = base + "/tare/" + name;
    for (const Place& place : all)
      if (place.directory == directory) return;
    all.push_back({.controller = std::move(controller), .base = base, .directory = directory});
  };
  if (!host.writable) return all;
  for (const auto& [controller, directory] : host.v1) add(controller, directory);
  if (!host.v2_mount.empty() &&
      is_writable(host.v2_mount + (host.own_v2_path == "/" ? "" : host.own_v2_path)))
    add("", host.v2_mount + (host.own_v2_path == "/" ? "" : host.own_v2_path));
  return all;
}

bool in_v2(const std::string& directory) {
  const CgroupHost& host = cgroup_host();
  return !host.v2_mount.empty() && directory.starts_with(host.v2_mount + "/");
}

std::string directory_with(const std::vector<std::string>& directories, const std::string& file) {
  for (const std::string& directory : directories)
    if (::access((directory + "/" + file).c_str(), F_OK) == 0) return directory;
  return {};
}

std::unexpected<Error> cannot_limit(std::string_view limit, std::string_view controller) {
  const CgroupHost& host = cgroup_host();
  // The reason of this controller, where there is one of its own.
  const auto closed = std::ranges::find(host.read_only, controller, &CgroupHost::Place::first);
  const bool v2 = host.layout == CgroupLayout::V2;
  std::string why = v2 ? host.why_not : "";
  if (closed != host.read_only.end()) why = closed->second + " is not writable for this user";
  if (why.empty()) why = fmt::format("the cgroup controller {} is not available here", controller);
  return std::unexpected(
      Error(Kind::Unsupported, fmt::format("the {} limit cannot be enforced: {}", limit, why))
          .hint(v2 ? "start without that limit, or have the controller delegated: "
                     "systemctl edit user@.service, [Service] Delegate=cpu memory pids"
                   : "start without that limit, or as root: control groups of version 1 cannot be "
                     "delegated to users"));
}

constexpr std::uint64_t kUnlimited = 1ULL << 62;


std::string v1_number(std::uint64_t value) {
  return value >= kUnlimited ? "-1" : std::to_string(value);
}
std::string v2_number(std::uint64_t value) {
  return value >= kUnlimited ? "max" : std::to_string(value);
}

Result<> set_memory_v1(const std::string& directory, const CgroupLimits& limits) {
  const std::string memory = directory + "/memory.limit_in_bytes";
  const std::string both = directory + "/memory.memsw.limit_in_bytes";
  if (limits.memory_swap_bytes && ::access(both.c_str(), F_OK) != 0)
    return cannot_limit("memory and swap", "memory with swap accounting (boot with swapaccount=1)");
  // memsw must never be below memory: which one goes first depends on the direction.
  Result<> first =
      limits.memory_bytes ? write_file(memory, v1_number(*limits.memory_bytes)) : Result<>{};
  if (!first && first.error().errnum() != EINVAL) return first;
  if (limits.memory_swap_bytes) TRY(write_file(both, v1_number(*limits.memory_swap_bytes)));
  if (!first) TRY(write_file(memory, v1_number(*limits.memory_bytes)));
  return {};
}

Result<> set_memory_v2(const std::string& directory, const CgroupLimits& limits) {
  if (limits.memory_bytes)
    TRY(write_file(directory + "/memory.max", v2_number(*limits.memory_bytes)));
  if (!limits.memory_swap_bytes) return {};
  const std::string swap = directory + "/memory.swap.max";
  if (::access(swap.c_str(), F_OK) != 0) return cannot_limit("swap", "memory with swap");
  std::uint64_t value = *limits.memory_swap_bytes;
  if (value < kUnlimited) value -= std::min(value, limits.memory_bytes.value_or(0));
  return write_file(swap, v2_number(value));
}

Result<> set_memory(const std::vector<std::string>& directories, const CgroupLimits& limits) {
  if (!limits.memory_bytes && !limits.memory_swap_bytes) return {};
  const std::string v1 = directory_with(directories, "memory.limit_in_bytes");
  if (!v1.empty()) return set_memory_v1(v1, limits);
  const std::string v2 = directory_with(directories, "memory.max");
  if (!v2.empty()) return set_memory_v2(v2, limits);
  return cannot_limit("memory", "memory");
}

// v1 shares 2..262144 to v2 weight 1..10000, the scale that other engines use, too.
// [systemd.resource-control(5); OCI runtime-spec issue 1032]
std::uint64_t weight_of(std::uint64_t shares) {
  const std::uint64_t clamped = std::clamp<std::uint64_t>(shares, 2, 262'144);
  return 1 + (clamped - 2) * 9999 / 262'142;
}

Result<> set_cpu(const std::vector<std::string>& directories, const CgroupLimits& limits) {
  const std::string period = std::to_string(limits.cpu_period_us.value_or(100'000));
  if (limits.cpu_quota_us) {
    const std::string v1 = directory_with(directories, "cpu.cfs_quota_us");
    const std::string v2 = directory_with(directories, "cpu.max");
    if (!v1.empty()) {
      TRY(write_file(v1 + "/cpu.cfs_period_us", period));
      TRY(write_file(v1 + "/cpu.cfs_quota_us", v1_number(*limits.cpu_quota_us)));
    } else if (!v2.empty()) {
      TRY(write_file(v2 + "/cpu.max", v2_number(*limits.cpu_quota_us) + " " + period));
    } else {
      return cannot_limit("CPU", "cpu");
    }
  }
  if (!limits.cpu_shares) return {};
  const std::string v1 = directory_with(directories, "cpu.shares");
  if (!v1.empty()) return write_file(v1 + "/cpu.shares", std::to_string(*limits.cpu_shares));
  const std::string v2 = directory_with(directories, "cpu.weight");
  if (v2.empty()) return cannot_limit("CPU share", "cpu");
  return write_file(v2 + "/cpu.weight", std::to_string(weight_of(*limits.cpu_shares)));
}

Result<> set_pids(const std::vector<std::string>& directories, const CgroupLimits& limits) {
  if (!limits.pids) return {};
  const std::string directory = directory_with(directories, "pids.max");
  if (directory.empty()) return cannot_limit("process", "pids");
  return write_file(directory + "/pids.max", v2_number(*limits.pids));
}

// Hands memory, cpu and pids down to the groups below `directory`. What does not work shows when a
// limit is set.
void enable_controllers(const std::string& directory) {
  const auto offered = read_file(directory + "/cgroup.controllers");
  const auto enabled = read_file(directory + "/cgroup.subtree_control");
  if (!offered || !enabled) return;
  const std::vector<std::string> have = split(trim(*enabled), ' ');
  for (const std::string& name : split(trim(*offered), ' ')) {
    if (name != "memory" && name != "cpu" && name != "pids") continue;
    if (std::ranges::find(have, name) == have.end())
      (void)write_file(directory + "/cgroup.subtree_control", "+" + name);
  }
}

Result<> check_name(const std::string& name) {
  if (!name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos &&
      name.find('\0') == std::string::npos && name.find('\n') == std::string::npos)
    return {};
  return fail(Kind::Invalid, quoted(name) + " cannot be the name of a cgroup");
}

// Groups made by the container itself go first. Errors of what is gone already are none.
int remove_group(const std::string& directory, int depth) {
  if (::rmdir(directory.c_str()) == 0 || errno == ENOENT) return 0;
  const int saved = errno;
  constexpr int kDeepest = 32;
  if (depth < kDeepest) {
    const Fd opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const auto names = list_directory(opened.get());
    bool any = false;
    for (const std::string& name : names ? *names : std::vector<std::string>{}) {
      struct stat status{};
      if (::fstatat(opened.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 ||
          !S_ISDIR(status.st_mode))
        continue;
      any = true;
      (void)remove_group(directory + "/" + name, depth + 1);
    }
    if (any && (::rmdir(directory.c_str()) == 0 || errno == ENOENT)) return 0;
  }
  return saved;
}

// A killed process leaves its group only when it is dead for good, a moment after its exit was
// reported.
Result<> remove_patiently(const std::string& directory) {
  constexpr int kTries = 100;
  int error = 0;
  for (int tries = 0; tries < kTries; ++tries) {
    error = remove_group(directory, 0);
    if (error != EBUSY) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  if (error == 0) return {};
  return std::unexpected(Error::sys(error, "remove " + directory));
}

Result<> make_group(const Place& place) {
  const std::string parent = place.base + "/tare";
  if (::mkdir(parent.c_str(), 0755) != 0 && errno != EEXIST) return fail_errno("make " + parent);
  if (place.controller.empty()) {
    enable_controllers(place.base);
    enable_controllers(parent);
  }
  if (::mkdir(place.directory.c_str(), 0755) == 0) return {};
  if (errno != EEXIST) return fail_errno("make " + place.directory);
  // Left by a keeper that was killed. Its limits are not ours: a new one, unless somebody is in it.
  TRY(remove_patiently(place.directory), "a group of that name is still in use");
  if (::mkdir(place.directory.c_str(), 0755) != 0) return fail_errno("make " + place.directory);
  return {};
}

}  // namespace

bool CgroupLimits::empty() const {
  return !memory_bytes && !memory_swap_bytes && !cpu_quota_us && !cpu_shares && !pids;
}

const CgroupHost& cgroup_host() {
  static const CgroupHost host = look();
  return host;
}

Result<Cgroup> Cgroup::create(const std::string& name, const CgroupLimits& limits) {
  TRY(check_name(name));
  Cgroup group;
  Undo undo;
  for (const Place& place : places(name)) {
    auto made = make_group(place);
    if (!made && limits.empty() && made.error().errnum() == EACCES) continue;
    TRY(std::move(made), "cgroup of the container");
    undo.push([directory = place.directory]() noexcept { ::rmdir(directory.c_str()); });
    group.directories_.push_back(place.directory);
  }
  TRY(group.update(limits));
  undo.keep();
  return group;
}

Cgroup Cgroup::open(const std::string& name) {
  Cgroup group;
  if (!check_name(name)) return group;
  for (const Place& place : places(name))
    if (::access(place.directory.c_str(), F_OK) == 0) group.directories_.push_back(place.directory);
  return group;
}

Result<> Cgroup::add(int pid, Which which) const {
  for (const std::string& directory : directories_) {
    if (which == Which::V1 && in_v2(directory)) continue;
    TRY(write_file(directory + "/cgroup.procs", std::to_string(pid)),
        "move process " + std::to_string(pid) + " into its cgroup");
  }
  return {};
}

Result<Fd> Cgroup::v2_directory() const {
  for (const std::string& directory : directories_)
    if (in_v2(directory)) return open_path(directory, O_RDONLY | O_DIRECTORY);
  return Fd();
}

Result<> Cgroup::update(const CgroupLimits& limits, std::vector<std::string>*) {
  TRY(set_memory(directories_, limits));
  TRY(set_cpu(directories_, limits));
  TRY(set_pids(directories_, limits));
  return {};
}

Result<std::vector<int>> Cgroup::processes(Depth) const {
  std::vector<int> pids;
  if (directories_.empty()) return pids;
  const std::string text = TRY(read_file(directories_.back() + "/cgroup.procs"));
  for (const std::string& line : split(text, '\n')) {
    const auto pid = parse_u64(line);
    if (pid && *pid != 0) pids.push_back(static_cast<int>(*pid));
  }
  return pids;
}

Result<> Cgroup::kill() const {
  for (const std::string& directory : directories_)
    if (in_v2(directory) && ::access((directory + "/cgroup.kill").c_str(), F_OK) == 0)
      return write_file(directory + "/cgroup.kill", "1");
  // Without it: processes may be born while we go through the list, so until none is left.
  constexpr int kRounds = 200;
  for (int round = 0; round < kRounds; ++round) {
    const std::vector<int> pids = TRY(processes());
    if (pids.empty()) return {};
    for (const int pid : pids) ::kill(pid, SIGKILL);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return fail(Kind::Busy, "processes of the cgroup do not end");
}

Result<std::uint64_t> Cgroup::oom_kills() const {
  for (const char* file : {"memory.oom_control", "memory.events"}) {
    const std::string directory = directory_with(directories_, file);
    if (directory.empty()) continue;
    const std::string text = TRY(read_file(directory + "/" + file));
    for (const std::string& line : split(text, '\n'))
      if (line.starts_with("oom_kill ")) return parse_u64(std::string_view(line).substr(9));
  }
  return std::uint64_t{0};
}

Result<> Cgroup::remove() const {
  for (const std::string& directory : directories_) TRY(remove_patiently(directory));
  return {};
}

}  // namespace tare::sys
