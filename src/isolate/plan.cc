// SPDX-License-Identifier: Apache-2.0
#include "isolate/plan.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "sys/mounts.h"

namespace tare::isolate {
namespace {

constexpr std::size_t kMostFiles = 26;  // Named a..z on their tmpfs.
constexpr const char* kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

struct KnownDevice {
  const char* name;
  unsigned major;
  unsigned minor;
};
// [runtime-spec 1.2 config-linux, "Default Devices"; kernel admin-guide/devices.txt]
constexpr std::array<KnownDevice, 6> kDevices{{{"null", 1, 3},
                                               {"zero", 1, 5},
                                               {"full", 1, 7},
                                               {"random", 1, 8},
                                               {"urandom", 1, 9},
                                               {"tty", 5, 0}}};

Result<> check_text(std::string_view text, std::string_view what) {
  if (text.find('\0') == std::string_view::npos) return {};
  return fail(Kind::Invalid, fmt::format("{} {} has a NUL byte", what, quoted(text)));
}

// The host's device as a detached bind mount. SECURITY: whoever could put another file at the path
// would have it used as the mask of every container [CVE-2025-31133].
Result<sys::Fd> open_device(const KnownDevice& device) {
  const std::string path = fmt::format("/dev/{}", device.name);
  sys::Fd mount(::open_tree(AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  if (!mount) return fail_errno("use the host's " + path);
  struct stat status{};
  if (::fstat(mount.get(), &status) != 0) return fail_errno("look at the host's " + path);
  if (!S_ISCHR(status.st_mode) || status.st_rdev != makedev(device.major, device.minor))
    return fail(Kind::Denied, fmt::format("the host's {} is not the character device {}:{}", path,
                                          device.major, device.minor));
  return mount;
}

std::uint32_t last_capability() {
  // Newer or older kernels than our headers: looked for from there.
  std::uint32_t last = CAP_LAST_CAP;
  while (last < 63 && ::prctl(PR_CAPBSET_READ, last + 1, 0, 0, 0) >= 0) ++last;
  while (last > 0 && ::prctl(PR_CAPBSET_READ, last, 0, 0, 0) < 0) --last;
  return last;
}

Result<> check_mapped(const sys::IdMap& map, std::uint32_t id, std::string_view what) {
  if (map.outside_of(id)) return {};
  std::vector<std::string> spans;
  for (const sys::IdRange& range : map.ranges)
    spans.push_back(fmt::format("{} to {}", range.inside, range.inside + (range.count - 1)));
  return std::unexpected(
      Error(Kind::Invalid, fmt::format("{} {} is not mapped in the container", what, id))
          .hint(fmt::format("the container's ids are {}", join(spans, ", "))));
}

Result<> check_identity(const Spec& spec) {
  TRY(check_mapped(spec.uids, 0, "user"));
  TRY(check_mapped(spec.gids, 0, "group"));
  TRY(check_mapped(spec.uids, spec.process.uid, "user"));
  TRY(check_mapped(spec.gids, spec.process.gid, "group"));
  for (const std::uint32_t group : spec.process.groups)
    TRY(check_mapped(spec.gids, group, "group"));
  return {};
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

// CLONE_NEW* of the namespaces of process `pid` that are not ours. Not all of them: joining one
// that we are in already may be refused (an ordinary user does not own the host's network).
Result<std::uint64_t> foreign_namespaces(int pid) {
  struct Name {
    const char* file;
    int flag;
  };
  constexpr std::array<Name, 7> kNames{{{"user", CLONE_NEWUSER},
                                        {"mnt", CLONE_NEWNS},
                                        {"pid", CLONE_NEWPID},
                                        {"ipc", CLONE_NEWIPC},
                                        {"uts", CLONE_NEWUTS},
                                        {"net", CLONE_NEWNET},
                                        {"cgroup", CLONE_NEWCGROUP}}};
  std::uint64_t flags = 0;
  for (const Name& name : kNames) {
    struct stat ours{};
    struct stat theirs{};
    const std::string path = fmt::format("/proc/{}/ns/{}", pid, name.file);
    if (::stat(path.c_str(), &theirs) != 0) return fail_errno("look at " + path);
    const std::string own = fmt::format("/proc/self/ns/{}", name.file);
    if (::stat(own.c_str(), &ours) != 0) return fail_errno("look at " + own);
    if (ours.st_ino != theirs.st_ino || ours.st_dev != theirs.st_dev)
      flags |= static_cast<unsigned>(name.flag);
  }
  return flags;
}

}  // namespace

std::vector<std::string> command_candidates(const std::string& program,
                                            const std::vector<std::string>& env) {
  if (program.find('/') != std::string::npos) return {program};
  std::string path = kDefaultPath;
  for (const std::string& variable : env)
    if (variable.starts_with("PATH=")) path = variable.substr(5);
  std::vector<std::string> candidates;
  for (const std::string& directory : split(path, ':'))
    candidates.push_back((directory.empty() ? "." : directory) + "/" + program);
  return candidates;
}

bool may_raise_rlimits() {
  if (!sys::in_initial_user_namespace()) return false;
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3};
  __user_cap_data_struct data[2] = {};
  if (::syscall(SYS_capget, &header, data) != 0) return false;
  return (data[0].effective >> CAP_SYS_RESOURCE & 1U) != 0;
}

const char* PlanMemory::keep(std::string text) {
  texts_.push_back(std::move(text));
  return texts_.back().c_str();
}

Result<> PlanMemory::build_container(const Spec& spec) {
  TRY(check_identity(spec));
  if (!spec.root) return fail(Kind::Internal, "no root file system given");
  container_.root = spec.root.get();
  container_.read_only_root = spec.read_only_root;
  container_.new_network = spec.network == Namespace::New;
  container_.new_ipc = spec.ipc == Namespace::New;
  container_.new_pid = spec.pid == Namespace::New;
  if (spec.uts == Namespace::New && !spec.hostname.empty())
    container_.hostname = keep(spec.hostname);
  const sys::CgroupHost& groups = sys::cgroup_host();
  container_.cgroup2 =
      !spec.cgroup_name.empty() && groups.writable && groups.layout == sys::CgroupLayout::V2;
  constexpr std::uint32_t kTtyGroup = 5;
  container_.tty_group = spec.gids.outside_of(kTtyGroup).has_value();
  container_.shm_size = keep(std::to_string(spec.shm_bytes));
  TRY(add_devices());
  TRY(add_mounts(spec));
  if (spec.files.size() > kMostFiles) return fail(Kind::Invalid, "more than 26 engine files");
  add_files(spec);
  TRY(add_paths(spec));
  if (spec.init) TRY(set_init(spec.init.get()), "the init program");
  plan_.container = &container_;
  return build_process(spec.process);
}

// SECURITY: through a read-only mount of its own, so that the container cannot open the host's
// program for writing by /proc/1/exe, whoever owns it. [CVE-2019-5736]
Result<> PlanMemory::set_init(int fd) {
  sys::Fd mount = TRY(sys::clone_mount(fd, false));
  TRY(sys::set_mount_attributes(mount.get(), MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID, 0, false));
  // Above 63, like the channel: 0 to 2 become the process's streams before it is used.
  constexpr int kLowest = 64;
  sys::Fd high(::fcntl(mount.get(), F_DUPFD_CLOEXEC, kLowest));
  if (!high) return fail_errno("duplicate a descriptor");
  plan_.process.init = high.get();
  fds_.push_back(std::move(high));
  init_argv_.push_back(const_cast<char*>(keep("init")));
  return {};
}

Result<> PlanMemory::add_devices() {
  for (const KnownDevice& device : kDevices) {
    fds_.push_back(TRY(open_device(device)));
    devices_.push_back({.name = device.name, .mount = fds_.back().get()});
  }
  container_.devices = {.items = devices_.data(),
                        .count = static_cast<std::uint32_t>(devices_.size())};
  return {};
}

Result<> PlanMemory::add_mounts(const Spec& spec) {
  for (const Mount& mount : spec.mounts) {
    TRY(check_text(mount.target, "mount point"));
    if (!mount.target.starts_with('/') || same_target(mount.target, "/"))
      return fail(Kind::Invalid, "mount point " + quoted(mount.target) +
                                     " is not an absolute path below the root");
    child::Mount entry{.target = keep(mount.target)};
    entry.attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
    if (mount.read_only) entry.attributes |= MOUNT_ATTR_RDONLY;
    if (mount.kind == MountKind::Bind) {
      entry.source = mount.source.get();
      entry.directory = mount.source_is_directory;
      // With all below it, as far as the source was cloned: a read-only bind is read-only.
      TRY(sys::set_mount_attributes(entry.source, entry.attributes, 0, true),
          "mount at " + quoted(mount.target));
    } else {
      if (!mount.executable) entry.attributes |= MOUNT_ATTR_NOEXEC;
      if (mount.tmpfs_bytes != 0) entry.size = keep(std::to_string(mount.tmpfs_bytes));
      entry.mode = keep(fmt::format("{:o}", mount.tmpfs_mode & 07777U));
    }
    mounts_.push_back(entry);
  }
  container_.mounts = {.items = mounts_.data(),
                       .count = static_cast<std::uint32_t>(mounts_.size())};
  return {};
}

void PlanMemory::add_files(const Spec& spec) {
  constexpr std::size_t kRoom = 1 << 20;  // For what the container adds to its /etc/hosts.
  std::size_t total = kRoom;
  for (const auto& [target, content] : spec.files) {
    // What the user mounts there wins.
    const auto covered = [&target](const Mount& mount) {
      return same_target(mount.target, target);
    };
    if (std::ranges::any_of(spec.mounts, covered)) continue;
    files_.push_back({.target = keep(target), .content = content.data(), .size = content.size()});
    total += content.size();
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

Result<> PlanMemory::build_entry(const EnterSpec& spec) {
  entry_.pidfd = spec.pidfd;
  entry_.namespaces = TRY(foreign_namespaces(spec.pid));
  if ((entry_.namespaces & CLONE_NEWUSER) == 0)
    return fail(Kind::Denied, "the container has no user namespace of its own");
  plan_.entry = &entry_;
  return build_process(spec.process);
}

Result<> PlanMemory::build_process(const Process& process) {
  child::Process& to = plan_.process;
  TRY(find_command_line());
  TRY(add_command(process));
  to.cwd = keep(process.cwd.empty() ? "/" : process.cwd);
  if (*to.cwd != '/')
    return fail(Kind::Invalid, "working directory " + quoted(process.cwd) + " is not absolute");
  to.uid = process.uid;
  to.gid = process.gid;
  groups_ = process.groups;
  // The primary group belongs into the supplementary ones: else a set-group-id program of another
  // group would lose it. [CVE-2022-36109]
  if (std::ranges::find(groups_, process.gid) == groups_.end()) groups_.push_back(process.gid);
  to.groups = {.items = groups_.data(), .count = static_cast<std::uint32_t>(groups_.size())};
  to.last_capability = last_capability();
  const std::uint64_t known = ~0ULL >> (63 - to.last_capability);
  to.bounding = process.capabilities & known;
  to.permitted = process.uid == 0 ? to.bounding : 0;
  to.no_new_privileges = process.no_new_privileges;
  filter_ = process.seccomp;
  to.filter = {.items = filter_.data(), .count = static_cast<std::uint32_t>(filter_.size())};
  add_rlimits(process);
  to.umask = process.umask & 0777U;
  to.terminal = process.terminal;
  to.rows = process.rows;
  to.columns = process.columns;
  return {};
}

// Fields 48 and 49 of /proc/self/stat: arg_start, arg_end. [proc_pid_stat(5)]
Result<> PlanMemory::find_command_line() {
  const sys::Fd file = TRY(sys::open_path("/proc/self/stat", O_RDONLY));
  const std::string text = TRY(sys::read_all(file.get(), 4096));
  const std::vector<std::string> fields = split(text.substr(text.rfind(')') + 1), ' ');
  constexpr std::size_t kArgStart = 46;  // Counted from the empty word before the state, field 3.
  if (fields.size() <= kArgStart + 1)
    return fail(Kind::Unsupported, "/proc/self/stat is too short");
  const std::uint64_t start = TRY(parse_u64(fields[kArgStart]));
  const std::uint64_t end = TRY(parse_u64(fields[kArgStart + 1]));
  plan_.command_line = reinterpret_cast<char*>(start);
  plan_.command_line_size = end - start;
  return {};
}

void PlanMemory::add_rlimits(const Process& process) {
  const bool may_raise = may_raise_rlimits();
  for (const Rlimit& limit : process.rlimits) {
    rlimit value = limit.value;
    rlimit ours{};
    if (!may_raise && ::getrlimit(static_cast<__rlimit_resource>(limit.resource), &ours) == 0)
      value.rlim_max = std::min(value.rlim_max, ours.rlim_max);
    value.rlim_cur = std::min(value.rlim_cur, value.rlim_max);
    rlimits_.push_back(
        {.resource = limit.resource, .soft = value.rlim_cur, .hard = value.rlim_max});
  }
  plan_.process.rlimits = {.items = rlimits_.data(),
                           .count = static_cast<std::uint32_t>(rlimits_.size())};
}

Result<> PlanMemory::add_command(const Process& process) {
  if (process.argv.empty() || process.argv[0].empty())
    return fail(Kind::Invalid, "no command to run");
  for (const std::string& word : process.argv) {
    TRY(check_text(word, "argument"));
    argv_.push_back(const_cast<char*>(keep(word)));
  }
  for (const std::string& variable : process.env) {
    TRY(check_text(variable, "environment variable"));
    envp_.push_back(const_cast<char*>(keep(variable)));
  }
  for (std::string& path : command_candidates(process.argv[0], process.env))
    candidates_.push_back(keep(std::move(path)));
  if (plan_.process.init >= 0) {
    init_argv_.insert(init_argv_.end(), argv_.begin(), argv_.end());
    init_argv_.push_back(nullptr);
    plan_.process.init_argv = init_argv_.data();
  }
  argv_.push_back(nullptr);
  envp_.push_back(nullptr);
  candidates_.push_back(nullptr);
  plan_.process.argv = argv_.data();
  plan_.process.envp = envp_.data();
  plan_.process.candidates = candidates_.data();
  return {};
}

void PlanMemory::set_stdio(int in, int out, int err) {
  plan_.process.stdio[0] = in;
  plan_.process.stdio[1] = out;
  plan_.process.stdio[2] = err;
}

std::string PlanMemory::detail_name(child::Step step, std::uint32_t detail) const {
  using child::Step;
  const auto at = [detail](const auto& list, auto name) {
    return detail < list.size() ? quoted(name(list[detail])) : std::string("?");
  };
  switch (step) {
    case Step::Device:
      return at(devices_, [](const child::Device& d) { return std::string("/dev/") + d.name; });
    case Step::Sysctl:
      return at(sysctls_, [](const child::Sysctl& s) { return std::string("/proc/") + s.path; });
    case Step::Mount:
    case Step::MountTarget:
      return at(mounts_, [](const child::Mount& m) { return m.target; });
    case Step::File:
    case Step::FileTarget:
      return at(files_, [](const child::File& f) { return f.target; });
    case Step::ReadOnlyPath:
      return at(read_only_paths_, [](const char* path) { return path; });
    case Step::MaskedPath:
      return at(masked_paths_, [](const char* path) { return path; });
    case Step::Rlimit:
      return at(rlimits_, [](const child::Rlimit& r) { return std::to_string(r.resource); });
    default:
      return {};
  }
}

}  // namespace tare::isolate
