// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/text.h"
#include "base/undo.h"
#include "isolate/flat_plan.h"
#include "isolate/helper.h"
#include "isolate/isolate.h"
#include "isolate/plan.h"
#include "isolate/process_attributes.h"
#include "sys/cgroup.h"
#include "sys/user_namespace.h"

namespace tare::isolate {
namespace {

// Everything that the helper needs to become what the plan says, in one place so that it can fail
// with one type.
struct Prepared {
  PlanMemory memory;
  FlatPlan plan;
  Streams streams;
  sys::Cgroup cgroup;
  sys::Fd cgroup_directory;
};

// The newborn process may run the helper program, which then waits for its plan.
Result<> say_go(const Channel& channel) {
  if (::send(channel.parent.get(), "g", 1, MSG_NOSIGNAL) != 1)
    return fail_errno("start the new process");
  return {};
}

LaunchError setup_error(Error error) { return {.error = std::move(error), .at = FailedAt::Setup}; }

Result<> tell_of_birth(const HelperProcess& helper, const Spec& spec, const Prepared& prepared) {
  return spec.born ? spec.born(helper.newborn.pid(), prepared.cgroup) : Result<>{};
}

Result<> map_ids(const HelperProcess& helper, const Spec& spec) {
  auto mapped = sys::write_id_maps(helper.newborn.pid(), spec.uids, spec.gids);
  if (mapped) return {};
  Error error = std::move(mapped).error().wrap("map the container's user and group ids");
  if (error.errnum() != EPERM || ::geteuid() != 0) return std::unexpected(std::move(error));
  return std::unexpected(
      std::move(error).hint("a container with the host's users and processes may have been first: "
                            "its root may write them, too"));
}

// The group that systemd makes is not known before the process is awake.
bool told_when_awake(const Spec& spec, const Prepared& prepared) {
  return spec.born_in_namespaces || prepared.cgroup.needs_scope();
}

Result<> let_run(const HelperProcess& helper, const Spec& spec, const Prepared& prepared) {
  if (helper.cradle.waits) {
    TRY(map_ids(helper, spec));
    TRY(say_go(helper.channel));
  }
  // While the helper starts.
  return told_when_awake(spec, prepared) ? Result<>{} : tell_of_birth(helper, spec, prepared);
}

Result<> place(const HelperProcess& helper, const Spec& spec, Prepared& prepared) {
  const int pid = helper.newborn.pid();
  sys::Cgroup& cgroup = prepared.cgroup;
  if (prepared.memory.plan().container->become_root) TRY(map_ids(helper, spec));
  TRY(apply_before_cgroup(pid, spec.process));
  const bool tell = told_when_awake(spec, prepared);
  if (cgroup.needs_scope()) TRY(cgroup.start_scope(pid));
  if (tell) TRY(tell_of_birth(helper, spec, prepared));
  TRY(cgroup.add(pid, helper.in_cgroup ? sys::Cgroup::Which::V1 : sys::Cgroup::Which::All));
  TRY(apply_attributes(pid, spec.process, spec.warn));
  return hand_over(helper.channel.parent.get(), prepared.plan);
}

// Only what runs the helper is placed: who shares our memory would share with us what is set for
// memory (oom_score_adj), and our end, where its group has too little of it.
std::expected<void, LaunchError> prepare_child(const HelperProcess& helper, const Spec& spec,
                                               Prepared& prepared) {
  if (auto runs = let_run(helper, spec, prepared); !runs)
    return std::unexpected(setup_error(std::move(runs).error()));
  if (auto awake = wait_until_awake(helper.channel, helper.newborn, prepared.memory); !awake)
    return awake;
  if (auto placed = place(helper, spec, prepared); !placed)
    return std::unexpected(setup_error(std::move(placed).error()));
  return {};
}

Result<> connect(Prepared& prepared, const Process& process, Stdin stdin_kind, std::uint32_t uid,
                 std::uint32_t gid) {
  if (process.terminal) return {};
  if (stdin_kind == Stdin::Inherit) {
    prepared.memory.inherit_stdio();
    return {};
  }
  prepared.streams = TRY(make_streams(stdin_kind, uid, gid));
  prepared.memory.set_stdio(prepared.streams.in.get(), prepared.streams.out.get(),
                            prepared.streams.err.get());
  return {};
}

// What a delegated group's new owner needs, and not its limits. [cgroup-v2.rst, "Model of
// Delegation"; /sys/kernel/cgroup/delegate]
Result<> give_groups(const sys::Fd& directory, const Spec& spec) {
  if (!directory)
    return fail(Kind::Unsupported,
                "the container has no group of version 2 that it could be given");
  if (spec.uids.ranges.empty()) return {};
  const std::uint32_t uid = TRY(spec.uids.outside_of(0));
  const std::uint32_t gid = TRY(spec.gids.outside_of(0));
  for (const char* name : {".", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"})
    if (::fchownat(directory.get(), name, uid, gid, AT_SYMLINK_NOFOLLOW) != 0)
      return fail_errno(std::string("give the container its control group: ") + name);
  return {};
}

Result<> prepare_launch(Prepared& prepared, const Spec& spec, Stdin stdin_kind) {
  if (spec.cgroup_request)
    prepared.cgroup = TRY(sys::Cgroup::create(*spec.cgroup_request));
  else if (!spec.cgroup_name.empty())
    prepared.cgroup = TRY(sys::Cgroup::create(spec.cgroup_name, spec.limits));
  prepared.cgroup_directory = TRY(prepared.cgroup.v2_directory());
  if (spec.own_groups) TRY(give_groups(prepared.cgroup_directory, spec));
  TRY(prepared.memory.build_container(spec, prepared.cgroup));
  std::uint32_t uid = spec.process.uid;
  std::uint32_t gid = spec.process.gid;
  if (!spec.uids.ranges.empty()) {
    uid = TRY(spec.uids.outside_of(uid));
    gid = TRY(spec.gids.outside_of(gid));
  }
  return connect(prepared, spec.process, stdin_kind, uid, gid);
}

// Our own namespaces again, when the container has been born into others.
class VisitedNamespaces {
 public:
  VisitedNamespaces() = default;
  VisitedNamespaces(const VisitedNamespaces&) = delete;
  VisitedNamespaces& operator=(const VisitedNamespaces&) = delete;
  ~VisitedNamespaces() {
    for (const auto& [kind, fd] : own_) (void)::setns(fd.get(), kind);
  }

  // Our children are born there: joins (a pid or time namespace is for children alone).
  Result<> enter(int kind, const char* name, int fd) {
    own_.emplace_back(kind, TRY(sys::open_path(std::string("/proc/self/ns/") + name, O_RDONLY)));
    if (::setns(fd, kind) != 0) return fail_errno(std::string("join the ") + name + " namespace");
    return {};
  }
  Result<> make_time(const std::vector<Spec::TimeOffset>& offsets) {
    own_.emplace_back(CLONE_NEWTIME, TRY(sys::open_path("/proc/self/ns/time", O_RDONLY)));
    if (::unshare(CLONE_NEWTIME) != 0) return fail_errno("make a time namespace");
    const sys::Fd file = TRY(sys::open_path("/proc/self/timens_offsets", O_WRONLY));
    for (const Spec::TimeOffset& offset : offsets) {
      const std::string line = offset.clock + " " + std::to_string(offset.seconds) + " " +
                               std::to_string(offset.nanoseconds) + "\n";
      TRY(sys::write_all(file.get(), line), "set the offset of clock " + offset.clock);
    }
    return {};
  }

 private:
  std::vector<std::pair<int, sys::Fd>> own_;
};

struct NamespaceName {
  int kind;
  const char* name;
};
constexpr NamespaceName kNames[] = {{CLONE_NEWNET, "net"},       {CLONE_NEWIPC, "ipc"},
                                    {CLONE_NEWUTS, "uts"},       {CLONE_NEWPID, "pid"},
                                    {CLONE_NEWCGROUP, "cgroup"}, {CLONE_NEWTIME, "time"}};

Result<> visit_namespaces(VisitedNamespaces& visited, const Spec& spec) {
  for (const JoinedNamespace& joined : spec.joined)
    for (const NamespaceName& known : kNames)
      if (known.kind == joined.kind) TRY(visited.enter(joined.kind, known.name, joined.fd.get()));
  if (spec.new_time) TRY(visited.make_time(spec.time_offsets));
  return {};
}

// A helper in all namespaces that it can be born in.
Result<Helper> bear_container(const Prepared& prepared, const Spec& spec) {
  VisitedNamespaces visited;
  TRY(visit_namespaces(visited, spec));
  Birth birth{.flags = new_namespaces(spec), .cgroup = prepared.cgroup_directory.get()};
  for (const JoinedNamespace& joined : spec.joined) {
    // Memory is not shared across time namespaces. [clone3(2), time_namespaces(7)]
    if (joined.kind == CLONE_NEWTIME) birth.share_memory = false;
    // All the others belong to the user namespace.
    if (joined.kind == CLONE_NEWUSER) birth.flags = 0;
  }
  if (spec.new_time) birth.share_memory = false;
  // Nor with a group that may run out of it: see prepare_child().
  const auto& controllers = sys::cgroup_host().v2_controllers;
  if (birth.cgroup >= 0 && std::ranges::find(controllers, "memory") != controllers.end())
    birth.share_memory = false;
  return bear_helper(lowest_fd(spec.process.kept_fds), birth,
                     prepared.memory.plan().container->groups);
}

// What of the namespaces is left for the plan.
Result<> divide_namespaces(const HelperProcess& helper, const Spec& spec, PlanMemory& memory) {
  const std::uint64_t wanted = new_namespaces(spec);
  if ((helper.namespaces & ~wanted) != 0 ||
      helper.cradle.channel < lowest_fd(spec.process.kept_fds))
    return fail(Kind::Internal, "the helper program was started for another container");
  const bool maps = (helper.namespaces & CLONE_NEWUSER) != 0 && !helper.cradle.waits;
  memory.set_namespaces(wanted & ~helper.namespaces, maps);
  return {};
}

// With a helper that the caller has started, or else one of its own as soon as it can be.
Result<Helper> prepare_with_helper(Prepared& prepared, Spec& spec, Stdin stdin_kind) {
  Helper helper = std::move(spec.helper);
  if (!helper && spec.joined.empty() && !spec.new_time)
    helper = TRY(start_helper(new_namespaces(spec), spec.process.kept_fds));
  TRY(prepare_launch(prepared, spec, stdin_kind));
  if (!helper) helper = TRY(bear_container(prepared, spec));
  TRY(divide_namespaces(*helper, spec, prepared.memory));
  prepared.plan = TRY(flatten(prepared.memory.plan()));
  return helper;
}

// A group that has too little memory for a start kills its first process, and counts that.
LaunchError explain_kill(LaunchError failure, const sys::Cgroup& cgroup) {
  if (failure.error.kind() != Kind::Internal || cgroup.oom_kills().value_or(0) == 0) return failure;
  failure.error = Error(Kind::Unavailable, "the container ran out of memory before it was set up")
                      .hint("its memory limit, or that of a group above it, is too small");
  return failure;
}

Started finish(Prepared& prepared, Newborn& newborn, sys::Fd terminal) {
  Started started;
  started.pid = newborn.pid();
  started.pidfd = newborn.release();
  started.stdio = std::move(prepared.streams.ours);
  if (terminal) started.stdio.out = std::move(terminal);
  started.cgroup_directories = prepared.cgroup.directories();
  return started;
}

// Ids of the container as we see them, for the pipes of a later process.
Result<sys::IdMap> read_map(int pid, const char* name) {
  const sys::Fd file = TRY(sys::open_path("/proc/" + std::to_string(pid) + "/" + name, O_RDONLY));
  const std::string text = TRY(sys::read_all(file.get(), 65536));
  return sys::parse_id_map(text);
}

// Fails unless the process still exists: what was read under its pid before was its own then.
Result<> check_alive(int pidfd) {
  if (::syscall(SYS_pidfd_send_signal, pidfd, 0, nullptr, 0) != 0)
    return fail_errno("the container's process 1 has ended");
  return {};
}

Result<> prepare_entry(Prepared& prepared, EnterSpec& spec, Stdin stdin_kind) {
  TRY(check_alive(spec.pidfd));
  TRY(prepared.memory.build_entry(spec));
  std::uint32_t uid = spec.process.uid;
  std::uint32_t gid = spec.process.gid;
  // The map of our own user namespace tells ids of the one above it.
  if ((prepared.memory.plan().entry->namespaces & CLONE_NEWUSER) != 0) {
    const sys::IdMap uids = TRY(read_map(spec.pid, "uid_map"));
    const sys::IdMap gids = TRY(read_map(spec.pid, "gid_map"));
    uid = TRY(uids.outside_of(uid));
    gid = TRY(gids.outside_of(gid));
  }
  TRY(check_alive(spec.pidfd));
  TRY(connect(prepared, spec.process, stdin_kind, uid, gid));
  if (!spec.cgroup_name.empty()) prepared.cgroup = sys::Cgroup::open(spec.cgroup_name);
  if (spec.cgroup) prepared.cgroup = std::move(*spec.cgroup);
  return {};
}

// Where process 1 has divided its group (systemd), version 2 lets nobody live in the group itself:
// then it is the one that process 1 put itself into. [cgroup-v2.rst, "No Internal Process
// Constraint"]
Result<> join_groups(int pid, int first, const sys::Cgroup& cgroup) {
  auto joined = cgroup.add(pid);
  if (joined || joined.error().errnum() != EBUSY) return joined;
  const std::string path = "/proc/" + std::to_string(first) + "/cgroup";
  const sys::Fd file = TRY(sys::open_path(path, O_RDONLY));
  for (const std::string& line : split(TRY(sys::read_all(file.get(), 65536)), '\n')) {
    if (!line.starts_with("0::/")) continue;
    TRY(cgroup.add(pid, sys::Cgroup::Which::V1));
    return sys::Cgroup::reopen({sys::cgroup_host().v2_mount + line.substr(3)}).add(pid);
  }
  return joined;
}

Result<> prepare_visitor(const HelperProcess& helper, const EnterSpec& spec,
                         const Prepared& prepared) {
  const int pid = helper.newborn.pid();
  TRY(apply_before_cgroup(pid, spec.process));
  TRY(join_groups(pid, spec.pid, prepared.cgroup));
  TRY(apply_attributes(pid, spec.process, spec.warn));
  return hand_over(helper.channel.parent.get(), prepared.plan);
}

Result<Helper> prepare_entry_with_helper(Prepared& prepared, EnterSpec& spec, Stdin stdin_kind) {
  Helper helper = std::move(spec.helper);
  if (!helper) helper = TRY(start_helper(0, spec.process.kept_fds));
  TRY(prepare_entry(prepared, spec, stdin_kind));
  prepared.plan = TRY(flatten(prepared.memory.plan()));
  return helper;
}

}  // namespace

std::uint64_t new_namespaces(const Spec& spec) {
  std::uint64_t flags = spec.mount == Namespace::New ? CLONE_NEWNS : 0;
  if (!spec.uids.ranges.empty()) flags |= CLONE_NEWUSER;
  if (spec.network == Namespace::New) flags |= CLONE_NEWNET;
  if (spec.ipc == Namespace::New) flags |= CLONE_NEWIPC;
  if (spec.pid == Namespace::New) flags |= CLONE_NEWPID;
  if (spec.uts == Namespace::New) flags |= CLONE_NEWUTS;
  return flags;
}

std::expected<Started, LaunchError> launch(Spec spec, Stdin stdin_kind) {
  Prepared prepared;
  // The cgroup goes last, when the process that was in it is gone.
  Undo undo;
  undo.push([&prepared]() noexcept { (void)prepared.cgroup.remove(); });
  auto helper = prepare_with_helper(prepared, spec, stdin_kind);
  if (!helper) return std::unexpected(setup_error(std::move(helper).error()));
  HelperProcess& process = **helper;
  if (auto done = prepare_child(process, spec, prepared); !done)
    return std::unexpected(explain_kill(std::move(done).error(), prepared.cgroup));
  const Renamed renamed = [&](int pid) -> Result<> {
    return spec.born ? spec.born(pid, prepared.cgroup) : Result<>{};
  };
  auto terminal = follow(process.channel, process.newborn, prepared.memory, &spec, renamed);
  if (!terminal) return std::unexpected(explain_kill(std::move(terminal).error(), prepared.cgroup));
  undo.keep();
  return finish(prepared, process.newborn, std::move(*terminal));
}

std::expected<Started, LaunchError> enter(EnterSpec spec, Stdin stdin_kind) {
  Prepared prepared;
  auto helper = prepare_entry_with_helper(prepared, spec, stdin_kind);
  if (!helper) return std::unexpected(setup_error(std::move(helper).error()));
  HelperProcess& process = **helper;
  if (auto awake = wait_until_awake(process.channel, process.newborn, prepared.memory); !awake)
    return std::unexpected(std::move(awake).error());
  if (auto done = prepare_visitor(process, spec, prepared); !done)
    return std::unexpected(setup_error(std::move(done).error()));
  auto terminal = follow(process.channel, process.newborn, prepared.memory);
  if (!terminal) return std::unexpected(std::move(terminal).error());
  return finish(prepared, process.newborn, std::move(*terminal));
}

}  // namespace tare::isolate
