// SPDX-License-Identifier: Apache-2.0
#include "engine/spec.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include <array>
#include <cmath>

#include "engine/devices.h"
#include "engine/grants.h"
#include "engine/resources.h"
#include "engine/systemd_mode.h"
#include "policy/policy.h"
#include "store/volumes.h"
#include "sys/files.h"
#include "sys/limits.h"
#include "sys/mounts.h"
#include "sys/user_namespace.h"

namespace tare::engine {
namespace {

struct ResourceName {
  const char* name;
  int resource;
};
constexpr std::array kResources = {ResourceName{"as", RLIMIT_AS},
                                   ResourceName{"core", RLIMIT_CORE},
                                   ResourceName{"cpu", RLIMIT_CPU},
                                   ResourceName{"data", RLIMIT_DATA},
                                   ResourceName{"fsize", RLIMIT_FSIZE},
                                   ResourceName{"locks", RLIMIT_LOCKS},
                                   ResourceName{"memlock", RLIMIT_MEMLOCK},
                                   ResourceName{"msgqueue", RLIMIT_MSGQUEUE},
                                   ResourceName{"nice", RLIMIT_NICE},
                                   ResourceName{"nofile", RLIMIT_NOFILE},
                                   ResourceName{"nproc", RLIMIT_NPROC},
                                   ResourceName{"rss", RLIMIT_RSS},
                                   ResourceName{"rtprio", RLIMIT_RTPRIO},
                                   ResourceName{"rttime", RLIMIT_RTTIME},
                                   ResourceName{"sigpending", RLIMIT_SIGPENDING},
                                   ResourceName{"stack", RLIMIT_STACK}};

Result<rlim_t> parse_limit(std::string_view text) {
  if (text == "unlimited" || text == "-1") return RLIM_INFINITY;
  return TRY(parse_u64(text));
}

// A directory or file of the host, id-mapped so that the owners in it are what the container sees
// whatever range it has: the caller's files are root's. `mapping` is the user namespace for that,
// made for the first that needs it.
Result<isolate::Mount> mount_source(const Container& container, const MountRequest& request,
                                    const sys::Fd& source, sys::Fd& mapping) {
  isolate::Mount mount;
  mount.kind = isolate::MountKind::Bind;
  mount.target = request.target;
  mount.read_only = request.read_only;
  struct stat info{};
  if (::fstat(source.get(), &info) != 0) return fail_errno("look at what is mounted");
  mount.source_is_directory = S_ISDIR(info.st_mode);
  mount.source = TRY(sys::clone_mount(source.get(), false));
  if (sys::in_initial_user_namespace() && !container.ids.is_identity()) {
    if (!mapping) mapping = TRY(sys::make_user_namespace(container.ids, container.ids.groups()));
    TRY(sys::idmap_mount(mount.source.get(), mapping.get()));
  }
  return mount;
}

Result<isolate::Mount> make_bind(const Container& container, const MountRequest& request,
                                 sys::Fd& mapping) {
  const sys::Fd source = TRY(sys::open_path(request.source, O_PATH));
  auto mount = mount_source(container, request, source, mapping);
  if (!mount)
    return std::unexpected(std::move(mount).error().hint(
        "the file system of " + quoted(request.source) +
        " cannot show files with other owners: bind a directory of another one"));
  return mount;
}

// SECURITY: what a container wrote into the volume cannot lead the mount out of it: no link is
// followed below `_data`. tests/security/volume-escapes.sh
Result<sys::Fd> open_volume(const store::Store& store, const MountRequest& request) {
  sys::Fd data = TRY(store::open_volume_data(store, request.volume));
  if (request.subpath.empty()) return data;
  auto opened = sys::open_in_root(data.get(), request.subpath, O_PATH | O_NOFOLLOW, 0,
                                  RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
  if (!opened)
    return std::unexpected(std::move(opened)
                               .error()
                               .wrap("volume-subpath " + quoted(request.subpath))
                               .hint("it has to be in the volume, and no link on the way to it"));
  struct stat info{};
  if (::fstat(opened->get(), &info) != 0) return fail_errno("look at the volume");
  if (!S_ISDIR(info.st_mode) && !S_ISREG(info.st_mode))
    return fail(Kind::Invalid, "volume-subpath " + quoted(request.subpath) +
                                   " is no directory and no regular file");
  return opened;
}

Result<isolate::Mount> make_volume(const Container& container, const MountRequest& request,
                                   const store::Store& store, sys::Fd& mapping) {
  const store::Volume volume = TRY(store::load_volume(store, request.volume));
  if (!volume.device().empty()) {
    if (!request.subpath.empty())
      return fail(Kind::Unsupported, "volume-subpath of a volume that is a directory of the host");
    MountRequest bind = request;
    bind.source = volume.device();
    bind.read_only = request.read_only || volume.is_read_only();
    return make_bind(container, bind, mapping);
  }
  const sys::Fd source = TRY(open_volume(store, request));
  auto mount = mount_source(container, request, source, mapping);
  if (!mount)
    return std::unexpected(std::move(mount).error().hint(
        "the file system of the store cannot show files with other owners: put the store on "
        "ext4, xfs, btrfs or tmpfs, or use --userns host"));
  return mount;
}

isolate::Mount make_tmpfs(const MountRequest& request) {
  isolate::Mount mount;
  mount.kind = isolate::MountKind::Tmpfs;
  mount.target = request.target;
  mount.read_only = request.read_only;
  mount.executable = request.executable;
  mount.tmpfs_bytes = request.tmpfs_bytes;
  mount.tmpfs_mode = request.tmpfs_mode;
  return mount;
}

// The container's own /etc files. Without a network there is no resolver to name.
std::vector<isolate::File> make_files(const CreateRequest& config,
                                      const StartingNetworks& networks) {
  std::string hosts = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";
  const bool is_alone = config.network != "host" && networks.endpoints().empty();
  if (is_alone) hosts += "127.0.0.1\t" + config.hostname + "\n";
  std::string resolv;
  if (!networks.endpoints().empty()) resolv = networks.resolv(config);
  if (config.network == "host") {
    const auto of_host = sys::load_file(AT_FDCWD, "/etc/hosts", 1 << 20);
    if (of_host) hosts = *of_host;
    sys::Fd file;
    if (auto opened = sys::open_path("/etc/resolv.conf", O_RDONLY | O_NONBLOCK))
      if (auto text = sys::read_all(opened->get(), 64 << 10)) resolv = *text;
  }
  hosts += networks.hosts(config);
  std::vector<isolate::File> files(3);
  files[0].target = "/etc/hosts";
  files[0].content = std::move(hosts);
  files[1].target = "/etc/hostname";
  files[1].content = config.hostname + "\n";
  files[2].target = "/etc/resolv.conf";
  files[2].content = std::move(resolv);
  return files;
}

void add_missing(std::vector<std::string>& env, const std::string& key, const std::string& value) {
  for (const std::string& entry : env)
    if (entry.starts_with(key + "=")) return;
  env.push_back(key + "=" + value);
}

// What run and exec have in common: the same protections for both.
Result<isolate::Process> make_process(const Container& container, int root,
                                      const std::string& user_text) {
  const CreateRequest& config = container.config;
  isolate::Process process;
  process.env = config.env;
  const isolate::User user = TRY(isolate::find_user(root, user_text));
  process.uid = user.uid;
  process.gid = user.gid;
  process.groups = user.groups;
  std::uint64_t capabilities = TRY(capabilities_of(config));
  process.capabilities = capabilities;
  process.no_new_privileges = !may_gain_privileges(config);
  process.seccomp = TRY(seccomp_filter(config, capabilities), "seccomp profile");
  process.rlimits = TRY(parse_ulimits(config.ulimits));
  add_missing(process.env, "HOSTNAME", config.hostname);
  add_missing(process.env, "HOME", user.home);
  return process;
}

// Of the groups that it has, 65534 at most. The kernel takes no other as the end of a range.
std::uint32_t last_group(const sys::IdMap& ids) {
  constexpr std::uint32_t kNoGroup = 65534;
  if (ids.groups().outside_of(kNoGroup)) return kNoGroup;
  std::uint32_t last = 0;
  for (const sys::IdRange& range : ids.groups().ranges)
    if (range.inside < kNoGroup) last = std::max(last, range.inside + (range.count - 1));
  return last;
}

void share_namespaces(isolate::Spec& spec, const Container& container) {
  namespace grants = policy::grants;
  const auto kind = [&container](std::string_view grant) {
    return has_grant(container, grant) ? isolate::Namespace::Host : isolate::Namespace::New;
  };
  spec.network = kind(grants::HostNetwork::name);
  spec.pid = kind(grants::HostProcesses::name);
  spec.ipc = kind(grants::HostIpc::name);
  spec.uts = kind(grants::HostNames::name);
  spec.cgroup = kind(grants::HostGroups::name);
}

}  // namespace

Result<std::vector<sock_filter>> seccomp_filter(const CreateRequest& config,
                                                std::uint64_t capabilities) {
  constexpr std::string_view kPrefix = "seccomp=";
  for (const std::string& option : config.security_opt) {
    if (option == "seccomp=unconfined" || option == "seccomp:unconfined")
      return std::vector<sock_filter>();
    if (option.starts_with(kPrefix))
      return policy::compile_docker_profile(option.substr(kPrefix.size()), capabilities);
  }
  if (config.privileged) return std::vector<sock_filter>();
  return policy::default_seccomp(capabilities);
}

Result<std::vector<isolate::Rlimit>> parse_ulimits(
    const std::vector<std::pair<std::string, std::string>>& ulimits) {
  std::vector<isolate::Rlimit> limits;
  for (const auto& [name, text] : ulimits) {
    const ResourceName* found = nullptr;
    std::vector<std::string> names;
    for (const ResourceName& candidate : kResources) {
      names.emplace_back(candidate.name);
      if (name == candidate.name) found = &candidate;
    }
    if (found == nullptr) {
      const auto near = nearest(name, names);
      return std::unexpected(Error(Kind::Invalid, "ulimit " + quoted(name) + " is not known")
                                 .hint(near ? "did you mean " + quoted(*near) + "?"
                                            : "known are " + join(names, ", ")));
    }
    const auto both = split_once(text, ':');
    const rlim_t soft = TRY(parse_limit(both ? both->first : std::string_view(text)));
    const rlim_t hard = both ? TRY(parse_limit(both->second)) : soft;
    if (soft > hard)
      return fail(Kind::Invalid, "ulimit " + name + ": the soft limit is above the hard limit");
    limits.push_back({.resource = found->resource, .value = {.rlim_cur = soft, .rlim_max = hard}});
  }
  return limits;
}

std::vector<std::string> clamped_ulimits(const CreateRequest& config) {
  std::vector<std::string> sentences;
  const auto limits = parse_ulimits(config.ulimits);
  if (!limits || limits->empty() || sys::may_raise_limits()) return sentences;
  for (std::size_t i = 0; i < limits->size(); ++i) {
    rlimit ours{};
    const auto& wanted = (*limits)[i];
    if (::getrlimit(static_cast<__rlimit_resource>(wanted.resource), &ours) != 0) continue;
    if (wanted.value.rlim_max <= ours.rlim_max) continue;
    sentences.push_back("--ulimit " + config.ulimits[i].first + "=" + config.ulimits[i].second +
                        ": the hard limit stays at our own, " + std::to_string(ours.rlim_max) +
                        ": raising it needs CAP_SYS_RESOURCE, which this user does not have");
  }
  return sentences;
}

Result<isolate::Spec> make_spec(const Container& container, sys::Fd root, const store::Store& store,
                                const StartingNetworks& networks) {
  const CreateRequest& config = container.config;
  isolate::Spec spec;
  spec.hostname = config.hostname;
  if (!has_grant(container, policy::grants::HostUsers::name)) {
    spec.uids = container.ids;
    spec.gids = container.ids.groups();
  }
  spec.read_only_root = config.read_only;
  share_namespaces(spec, container);
  spec.shm_bytes = config.shm_bytes;
  sys::Fd mapping;
  sys::Fd volumes;  // Nobody removes one before it is mounted.
  for (const MountRequest& request : config.mounts) {
    if (request.type == MountType::Volume && !volumes)
      volumes = TRY(store.lock(store::Store::kVolumesLock, sys::Lock::Shared));
    if (request.type == MountType::Tmpfs)
      spec.mounts.push_back(make_tmpfs(request));
    else if (request.type == MountType::Volume)
      spec.mounts.push_back(
          TRY(make_volume(container, request, store, mapping), "volume " + quoted(request.volume)));
    else
      spec.mounts.push_back(
          TRY(make_bind(container, request, mapping), "bind mount " + quoted(request.source)));
  }
  if (config.systemd == Systemd::Always) add_systemd_mounts(spec, config);
  spec.devices = TRY(find_devices(config));
  spec.writable_system = has_grant(container, policy::grants::WritableSystem::name);
  spec.own_groups = has_grant(container, policy::grants::WritableGroups::name) &&
                    sys::cgroup_host().v2_writable && spec.cgroup == isolate::Namespace::New;
  spec.files = make_files(config, networks);
  if (!has_grant(container, policy::grants::UnmaskedPaths::name)) {
    spec.masked_paths = policy::masked_paths();
    spec.read_only_paths = policy::read_only_paths();
  }
  if (spec.network == isolate::Namespace::New)
    // Instead of CAP_NET_BIND_SERVICE and CAP_NET_RAW: low ports and ping for everybody inside.
    spec.sysctls = {
        {"net.ipv4.ip_unprivileged_port_start", "0"},
        {"net.ipv4.ping_group_range", "0 " + std::to_string(last_group(container.ids))}};
  spec.limits = TRY(make_limits(config));
  spec.cgroup_name = group_name(container);
  spec.process = TRY(make_process(container, root.get(), config.user));
  spec.process.argv = container.argv;
  spec.process.cwd = config.working_dir;
  spec.process.terminal = config.tty;
  spec.process.oom_score_adj = config.oom_score_adj;
  if (config.tty) add_missing(spec.process.env, "TERM", "xterm");
  spec.root = std::move(root);
  return spec;
}

Result<isolate::Process> make_exec_process(const Container& container, int root,
                                           const ExecRequest& request) {
  isolate::Process process = TRY(
      make_process(container, root, request.user.empty() ? container.config.user : request.user));
  process.argv = request.argv;
  process.cwd = request.working_dir.empty() ? container.config.working_dir : request.working_dir;
  for (const std::string& entry : request.env) {
    const std::string key = entry.substr(0, entry.find('=') + 1);
    std::erase_if(process.env, [&](const std::string& old) { return old.starts_with(key); });
    process.env.push_back(entry);
  }
  process.oom_score_adj = container.config.oom_score_adj;
  process.terminal = request.tty;
  process.rows = request.rows;
  process.columns = request.columns;
  if (request.tty) add_missing(process.env, "TERM", "xterm");
  return process;
}

}  // namespace tare::engine
