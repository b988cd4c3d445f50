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
#include <charconv>

#include "base/text.h"
#include "sys/files.h"
#include "sys/limits.h"
#include "sys/mounts.h"

namespace tare::isolate {
namespace {

constexpr const char* kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr std::size_t kMostFiles = 26 * 26;  // Named aa..zz on their tmpfs.

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

// "SigIgn" of /proc/self/status. [proc_pid_status(5)]
Result<std::uint64_t> ignored_signals() {
  const std::string text = TRY(sys::load_file(AT_FDCWD, "/proc/self/status", 16384));
  constexpr std::string_view kKey = "\nSigIgn:\t";
  const std::size_t at = text.find(kKey);
  std::uint64_t set = 0;
  const char* const end = text.data() + text.size();
  if (at == std::string::npos ||
      std::from_chars(text.data() + at + kKey.size(), end, set, 16).ec != std::errc())
    return fail(Kind::Unsupported, "/proc/self/status does not say which signals are ignored");
  return set;
}

// Whether setgroups(2) works in the user namespace of a process: not where an ordinary user mapped
// a single id. [user_namespaces(7), "/proc/PID/setgroups"]
Result<bool> groups_allowed(const std::string& pid) {
  auto text = sys::load_file(AT_FDCWD, "/proc/" + pid + "/setgroups", 64);
  if (!text && text.error().kind() != Kind::NotFound) return std::unexpected(text.error());
  return !text || trim(*text) != "deny";
}

// CLONE_NEW* of the namespaces of process `pid` that are not ours. Not all of them: joining one
// that we are in already may be refused (an ordinary user does not own the host's network).
Result<std::uint64_t> foreign_namespaces(int pid) {
  struct Name {
    const char* file;
    int flag;
  };
  constexpr std::array<Name, 8> kNames{{{"user", CLONE_NEWUSER},
                                        {"mnt", CLONE_NEWNS},
                                        {"pid", CLONE_NEWPID},
                                        {"ipc", CLONE_NEWIPC},
                                        {"uts", CLONE_NEWUTS},
                                        {"net", CLONE_NEWNET},
                                        {"cgroup", CLONE_NEWCGROUP},
                                        {"time", CLONE_NEWTIME}}};
  // Root may join its own ones again, but for these: it is in that user namespace already, it would
  // lose its root directory, and the kernel may have none.
  const bool look_at_few = ::geteuid() == 0 && sys::in_initial_user_namespace();
  constexpr int kLookedAt = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWTIME;
  std::uint64_t flags = 0;
  for (const Name& name : kNames) {
    if (look_at_few && (name.flag & kLookedAt) == 0) {
      flags |= static_cast<unsigned>(name.flag);
      continue;
    }
    struct stat ours{};
    struct stat theirs{};
    const std::string path = fmt::format("/proc/{}/ns/{}", pid, name.file);
    // The newest kind, which a kernel may be built without.
    const bool there = ::stat(path.c_str(), &theirs) == 0;
    if (!there && errno == ENOENT && name.flag == CLONE_NEWTIME) continue;
    if (!there) return fail_errno("look at " + path);
    const std::string own = fmt::format("/proc/self/ns/{}", name.file);
    if (::stat(own.c_str(), &ours) != 0) return fail_errno("look at " + own);
    if (ours.st_ino != theirs.st_ino || ours.st_dev != theirs.st_dev)
      flags |= static_cast<unsigned>(name.flag);
  }
  return flags;
}

}  // namespace

Result<> check_text(std::string_view text, std::string_view what) {
  if (text.find('\0') == std::string_view::npos) return {};
  return fail(Kind::Invalid, fmt::format("{} {} has a NUL byte", what, quoted(text)));
}

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

const char* PlanMemory::keep(std::string text) {
  texts_.push_back(std::move(text));
  return texts_.back().c_str();
}

char* const* PlanMemory::keep_words(const std::vector<std::string>& words) {
  std::vector<char*>& list = words_.emplace_back();
  for (const std::string& word : words) list.push_back(const_cast<char*>(keep(word)));
  list.push_back(nullptr);
  return list.data();
}

Result<> PlanMemory::build_container(const Spec& spec, const sys::Cgroup& cgroup) {
  if (!spec.root) return fail(Kind::Internal, "no root file system given");
  if (spec.files.size() > kMostFiles)
    return fail(Kind::Invalid, "more than 676 files are given to the container");
  TRY(add_namespaces(spec));
  container_.root = spec.root.get();
  container_.root_nodev = !spec.root_devices;
  container_.read_only_root = spec.read_only_root;
  container_.pivot = spec.pivot;
  if (!spec.root_place.empty()) container_.root_place = keep(spec.root_place);
  // Shared with whom: everybody else is left out by being a slave first.
  container_.propagation = MS_PRIVATE;
  if ((spec.root_propagation & (MS_SHARED | MS_SLAVE)) != 0) container_.propagation = MS_SLAVE;
  container_.root_propagation = spec.root_propagation;
  if (spec.usual_mounts) TRY(add_usual_mounts(spec));
  for (const Mount& mount : spec.mounts) {
    if (mount.kind == MountKind::Cgroups)
      TRY(add_cgroups(spec, mount, cgroup), "mount at " + quoted(mount.target));
    else
      TRY(add_mount(mount));
  }
  TRY(add_devices(spec));
  finish_mounts();
  add_files(spec);
  TRY(add_paths(spec));
  container_.runtime_hooks = static_cast<bool>(spec.runtime_hooks);
  add_hooks(spec.create_hooks, spec.create_state.get(), container_.create_hooks);
  add_hooks(spec.start_hooks, spec.start_state.get(), plan_.process.start_hooks);
  if (spec.init) TRY(set_init(spec.init.get()), "the init program");
  plan_.process.gate = spec.gate.get();
  plan_.process.awaits_parent = static_cast<bool>(spec.beside);
  plan_.process.dies_with_parent = spec.dies_with_parent;
  plan_.container = &container_;
  TRY(build_process(spec.process));
  if (spec.process.argv.empty()) plan_.process.look_first = false;
  return {};
}

Result<> PlanMemory::add_namespaces(const Spec& spec) {
  container_.user = !spec.uids.ranges.empty();
  container_.own_mounts = spec.mount == Namespace::New;
  for (const JoinedNamespace& joined : spec.joined) {
    if (joined.kind == CLONE_NEWUSER) container_.join_user = joined.fd.get();
    if (joined.kind == CLONE_NEWNS) container_.join_mount = joined.fd.get();
  }
  container_.user |= container_.join_user >= 0;
  if (container_.user && container_.join_user < 0) TRY(check_identity(spec));
  if (spec.cgroup == Namespace::New) container_.make |= CLONE_NEWCGROUP;
  container_.new_network = spec.network == Namespace::New;
  const bool own_names =
      spec.uts == Namespace::New ||
      std::ranges::find(spec.joined, CLONE_NEWUTS, &JoinedNamespace::kind) != spec.joined.end();
  if (own_names && !spec.hostname.empty()) container_.hostname = keep(spec.hostname);
  if (own_names && !spec.domainname.empty()) container_.domainname = keep(spec.domainname);
  bool allowed = true;
  if (!sys::in_initial_user_namespace())
    allowed = TRY(groups_allowed("self"));
  else if (container_.join_user < 0 && !spec.uids.ranges.empty())
    allowed = ::geteuid() == 0;
  container_.groups = plan_.process.set_groups = allowed;
  return {};
}

void PlanMemory::add_hooks(const std::vector<Hook>& hooks, int state, child::Hooks& to) {
  if (hooks.empty()) return;
  std::vector<child::Hook>& list = hooks_.emplace_back();
  for (const Hook& hook : hooks)
    list.push_back({.path = keep(hook.path),
                    .argv = keep_words(hook.argv.empty() ? std::vector{hook.path} : hook.argv),
                    .envp = keep_words(hook.env),
                    .timeout_ms = hook.timeout_seconds * 1000});
  to.hooks = {.items = list.data(), .count = static_cast<std::uint32_t>(list.size())};
  to.state = state;
}

// SECURITY: through a read-only mount of its own, so that the container cannot open the host's
// program for writing by /proc/1/exe, whoever owns it. [CVE-2019-5736]
Result<> PlanMemory::set_init(int fd) {
  sys::Fd mount = TRY(sys::clone_mount(fd, false));
  TRY(sys::set_mount_attributes(mount.get(), MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID, 0, false));
  plan_.process.init = mount.get();
  fds_.push_back(std::move(mount));
  init_argv_.push_back(const_cast<char*>(keep("init")));
  return {};
}

Result<> PlanMemory::build_entry(const EnterSpec& spec) {
  entry_.pidfd = spec.pidfd;
  entry_.namespaces = TRY(foreign_namespaces(spec.pid));
  const bool user = (entry_.namespaces & CLONE_NEWUSER) != 0;
  if (!user && spec.needs_user_namespace)
    return fail(Kind::Denied, "the container has no user namespace of its own");
  // The engine maps ranges, never a single id.
  if (user && !spec.needs_user_namespace)
    entry_.groups = plan_.process.set_groups = TRY(groups_allowed(std::to_string(spec.pid)));
  // A process of exec that has a terminal lives as long as somebody holds the other side of it;
  // that may be a process that is not its parent (the detach keys).
  plan_.process.dies_with_parent = spec.dies_with_parent && !spec.process.terminal;
  plan_.entry = &entry_;
  return build_process(spec.process);
}

Result<> PlanMemory::build_process(const Process& process) {
  child::Process& to = plan_.process;
  to.ignored_signals = TRY(ignored_signals());
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
  add_capabilities(process);
  to.no_new_privileges = process.no_new_privileges;
  to.new_keyring = process.new_keyring;
  TRY(add_seccomp(process));
  add_rlimits(process);
  to.umask = process.umask & 0777U;
  if (process.personality) to.personality = *process.personality;
  if (process.memory_policy)
    to.memory_policy = {.mode = process.memory_policy->mode,
                        .nodes = process.memory_policy->nodes.data(),
                        .bits = process.memory_policy->nodes.size() * 64 + 1};
  if (process.label) {
    to.label = keep(process.label->text);
    to.label_path = keep(process.label->path);
  }
  to.kept_fds = process.kept_fds;
  to.terminal = process.terminal;
  to.rows = process.rows;
  to.columns = process.columns;
  return {};
}

void PlanMemory::add_capabilities(const Process& process) {
  child::Process& to = plan_.process;
  to.last_capability = last_capability();
  const std::uint64_t known = ~0ULL >> (63 - to.last_capability);
  if (process.capability_sets) {
    const Capabilities& sets = *process.capability_sets;
    to.capabilities = {.bounding = sets.bounding & known,
                       .permitted = sets.permitted & known,
                       .effective = sets.effective & known,
                       .inheritable = sets.inheritable & known,
                       .ambient = sets.ambient & known};
    return;
  }
  const std::uint64_t bounding = process.capabilities & known;
  const std::uint64_t usable = process.uid == 0 ? bounding : 0;
  to.capabilities = {.bounding = bounding, .permitted = usable, .effective = usable};
}

Result<> PlanMemory::add_seccomp(const Process& process) {
  child::Process& to = plan_.process;
  filter_ = process.seccomp;
  to.filter = {.items = filter_.data(), .count = static_cast<std::uint32_t>(filter_.size())};
  to.filter_flags = process.seccomp_flags;
  if (process.seccomp_listener < 0) return {};
  to.listener = process.seccomp_listener;
  to.listener_state = process.seccomp_state;
  return {};
}

void PlanMemory::add_rlimits(const Process& process) {
  const bool may_raise = sys::may_raise_limits();
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
  // At a gate it may still come to pass that it is never run.
  const bool may_be_missing = plan_.process.gate >= 0;
  if (!may_be_missing && (process.argv.empty() || process.argv[0].empty()))
    return fail(Kind::Invalid, "no command to run");
  for (const std::string& word : process.argv) TRY(check_text(word, "argument"));
  for (const std::string& variable : process.env) TRY(check_text(variable, "environment variable"));
  if (!process.argv.empty() && !process.argv[0].empty()) {
    // A path may still be filled by a hook.
    plan_.process.look_first = process.argv[0].find('/') == std::string::npos;
    for (std::string& path : command_candidates(process.argv[0], process.env))
      candidates_.push_back(keep(std::move(path)));
  }
  candidates_.push_back(nullptr);
  plan_.process.argv = keep_words(process.argv);
  plan_.process.envp = keep_words(process.env);
  plan_.process.candidates = candidates_.data();
  if (plan_.process.init < 0) return {};
  for (char* const* word = plan_.process.argv; *word != nullptr; ++word)
    init_argv_.push_back(*word);
  init_argv_.push_back(nullptr);
  plan_.process.init_argv = init_argv_.data();
  return {};
}

void PlanMemory::set_stdio(int in, int out, int err) {
  plan_.process.stdio[0] = in;
  plan_.process.stdio[1] = out;
  plan_.process.stdio[2] = err;
}

void PlanMemory::inherit_stdio() {
  set_stdio(0, 1, 2);
  plan_.process.own_stdio = true;
}

std::string PlanMemory::detail_name(child::Step step, std::uint32_t detail) const {
  using child::Step;
  const auto at = [detail](const auto& list, auto name) {
    return detail < list.size() ? quoted(name(list[detail])) : std::string("?");
  };
  switch (step) {
    case Step::Device:
      return at(devices_, [](const child::Device& d) { return d.path; });
    case Step::Sysctl:
      return at(sysctls_, [](const child::Sysctl& s) { return std::string("/proc/") + s.path; });
    case Step::HostMount:
    case Step::Mount:
    case Step::MountTarget:
    case Step::CopyUp:
      return at(mounts_, [](const child::Mount& m) { return m.target; });
    case Step::MakeMount:
      return at(mounts_, [](const child::Mount& m) { return m.target; }) + " of type " +
             at(mounts_, [](const child::Mount& m) { return m.type == nullptr ? "" : m.type; });
    case Step::File:
    case Step::FileTarget:
      return at(files_, [](const child::File& f) { return f.target; });
    case Step::ReadOnlyPath:
      return at(read_only_paths_, [](const char* path) { return path; });
    case Step::MaskedPath:
      return at(masked_paths_, [](const char* path) { return path; });
    case Step::Hook: {
      const child::Hooks& create = container_.create_hooks;
      const bool first = plan_.container != nullptr && detail < create.hooks.count;
      const child::Hooks& hooks = first ? create : plan_.process.start_hooks;
      std::string kind = first ? "createContainer hook" : "startContainer hook";
      if (detail >= hooks.hooks.count) return kind;
      return kind + " " + quoted(hooks.hooks.items[detail].path);
    }
    case Step::Rlimit:
      return at(rlimits_, [](const child::Rlimit& r) { return std::to_string(r.resource); });
    default:
      return {};
  }
}

}  // namespace tare::isolate
