// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "base/undo.h"
#include "child/run.h"
#include "isolate/channel.h"
#include "isolate/isolate.h"
#include "isolate/plan.h"
#include "sys/cgroup.h"

namespace tare::isolate {
namespace {

std::uint64_t new_namespaces(const Spec& spec) {
  std::uint64_t flags = CLONE_NEWUSER | CLONE_NEWNS;
  if (spec.network == Namespace::New) flags |= CLONE_NEWNET;
  if (spec.ipc == Namespace::New) flags |= CLONE_NEWIPC;
  if (spec.pid == Namespace::New) flags |= CLONE_NEWPID;
  if (spec.uts == Namespace::New) flags |= CLONE_NEWUTS;
  return flags;
}

// Signals wait while there are two of us: a handler of ours must not run in the child.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, &before_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

struct Born {
  Newborn newborn;
  bool in_cgroup = false;  // Born in its v2 group.
};

long clone_child(std::uint64_t flags, int cgroup, int* pidfd) {
  clone_args arguments{};
  arguments.flags = flags | CLONE_PIDFD;
  arguments.pidfd = reinterpret_cast<std::uint64_t>(pidfd);
  arguments.exit_signal = SIGCHLD;
  if (cgroup >= 0) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = static_cast<std::uint64_t>(cgroup);
  }
  return ::syscall(SYS_clone3, &arguments, sizeof arguments);
}

// Never CLONE_VM: our memory is not to be shared with what becomes a container. In the child this
// does not return.
Result<Born> give_birth(std::uint64_t flags, int cgroup, const child::Plan& plan,
                        sys::Fd& parent_end) {
  const SignalsBlocked blocked;
  int pidfd = -1;
  long pid = clone_child(flags, cgroup, &pidfd);
  Born born{.in_cgroup = cgroup >= 0};
  if (pid < 0 && cgroup >= 0 && errno != EPERM && errno != ENOSPC) {
    // Refused for its place in the tree, or by a kernel before 5.7; it is moved instead.
    pid = clone_child(flags, -1, &pidfd);
    born.in_cgroup = false;
  }
  if (pid == 0) {
    ::close(parent_end.get());  // Else we would never see end of file on the channel.
    child::run(plan);
  }
  if (pid < 0) return fail_errno("make the container's process and namespaces");
  born.newborn = Newborn(static_cast<int>(pid), sys::Fd(pidfd));
  return born;
}

// The child may only lower hard limits; those that go up are raised from here.
Result<> raise_rlimits(int pid, const Process& process) {
  if (process.rlimits.empty() || !may_raise_rlimits()) return {};
  for (const Rlimit& limit : process.rlimits) {
    rlimit now{};
    const auto resource = static_cast<__rlimit_resource>(limit.resource);
    if (::prlimit(pid, resource, nullptr, &now) != 0) return fail_errno("read a resource limit");
    if (limit.value.rlim_max <= now.rlim_max) continue;
    now.rlim_max = limit.value.rlim_max;
    if (::prlimit(pid, resource, &now, nullptr) != 0)
      return fail_errno("raise resource limit " + std::to_string(limit.resource));
  }
  return {};
}

Result<> say_go(const Channel& channel) {
  if (::send(channel.parent.get(), "g", 1, MSG_NOSIGNAL) != 1)
    return fail_errno("start the new process");
  return {};
}

Result<> prepare_child(const Born& born, const Spec& spec, const sys::Cgroup& cgroup,
                       const Channel& channel) {
  TRY(sys::write_id_maps(born.newborn.pid(), spec.uids, spec.gids),
      "map the container's user and group ids");
  TRY(cgroup.add(born.newborn.pid(),
                 born.in_cgroup ? sys::Cgroup::Which::V1 : sys::Cgroup::Which::All));
  TRY(raise_rlimits(born.newborn.pid(), spec.process));
  return say_go(channel);
}

LaunchError setup_error(Error error) { return {.error = std::move(error), .at = FailedAt::Setup}; }

// Everything before the birth, in one place so that it can fail with one type.
struct Prepared {
  PlanMemory memory;
  Channel channel;
  Streams streams;
  sys::Cgroup cgroup;
  sys::Fd cgroup_directory;
};

Result<> connect(Prepared& prepared, const Process& process, Stdin stdin_kind, std::uint32_t uid,
                 std::uint32_t gid) {
  prepared.channel = TRY(make_channel());
  prepared.memory.set_channel(prepared.channel.child.get());
  if (process.terminal) return {};
  prepared.streams = TRY(make_streams(stdin_kind, uid, gid));
  prepared.memory.set_stdio(prepared.streams.in.get(), prepared.streams.out.get(),
                            prepared.streams.err.get());
  return {};
}

Result<> prepare_launch(Prepared& prepared, const Spec& spec, Stdin stdin_kind) {
  TRY(prepared.memory.build_container(spec));
  const std::uint32_t uid = TRY(spec.uids.outside_of(spec.process.uid));
  const std::uint32_t gid = TRY(spec.gids.outside_of(spec.process.gid));
  TRY(connect(prepared, spec.process, stdin_kind, uid, gid));
  if (spec.cgroup_name.empty()) return {};
  prepared.cgroup = TRY(sys::Cgroup::create(spec.cgroup_name, spec.limits));
  prepared.cgroup_directory = TRY(prepared.cgroup.v2_directory());
  return {};
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

Result<> prepare_entry(Prepared& prepared, EnterSpec& spec, Stdin stdin_kind, sys::Fd& pidfd) {
  sys::Fd copy(::fcntl(spec.pidfd, F_DUPFD_CLOEXEC, 64));
  if (!copy) return fail_errno("use the container's pidfd");
  pidfd = std::move(copy);
  spec.pidfd = pidfd.get();
  TRY(check_alive(spec.pidfd));
  TRY(prepared.memory.build_entry(spec));
  const sys::IdMap uids = TRY(read_map(spec.pid, "uid_map"));
  const sys::IdMap gids = TRY(read_map(spec.pid, "gid_map"));
  TRY(check_alive(spec.pidfd));
  const std::uint32_t uid = TRY(uids.outside_of(spec.process.uid));
  const std::uint32_t gid = TRY(gids.outside_of(spec.process.gid));
  TRY(connect(prepared, spec.process, stdin_kind, uid, gid));
  if (!spec.cgroup_name.empty()) prepared.cgroup = sys::Cgroup::open(spec.cgroup_name);
  return {};
}

Result<> prepare_visitor(const Born& born, const EnterSpec& spec, const Prepared& prepared) {
  TRY(prepared.cgroup.add(born.newborn.pid()));
  TRY(raise_rlimits(born.newborn.pid(), spec.process));
  return say_go(prepared.channel);
}

}  // namespace

std::expected<Started, LaunchError> launch(Spec spec, Stdin stdin_kind) {
  Prepared prepared;
  if (auto ready = prepare_launch(prepared, spec, stdin_kind); !ready)
    return std::unexpected(setup_error(std::move(ready).error()));
  // The cgroup goes last, when the process that was in it is gone.
  Undo undo;
  undo.push([&prepared]() noexcept { (void)prepared.cgroup.remove(); });
  auto born = give_birth(new_namespaces(spec), prepared.cgroup_directory.get(),
                         prepared.memory.plan(), prepared.channel.parent);
  if (!born) return std::unexpected(setup_error(std::move(born).error()));
  prepared.channel.child.reset();
  if (auto done = prepare_child(*born, spec, prepared.cgroup, prepared.channel); !done)
    return std::unexpected(setup_error(std::move(done).error()));
  auto terminal = follow(prepared.channel, born->newborn, prepared.memory);
  if (!terminal) return std::unexpected(std::move(terminal).error());
  undo.keep();
  return finish(prepared, born->newborn, std::move(*terminal));
}

std::expected<Started, LaunchError> enter(EnterSpec spec, Stdin stdin_kind) {
  Prepared prepared;
  sys::Fd pidfd;
  if (auto ready = prepare_entry(prepared, spec, stdin_kind, pidfd); !ready)
    return std::unexpected(setup_error(std::move(ready).error()));
  auto born = give_birth(0, -1, prepared.memory.plan(), prepared.channel.parent);
  if (!born) return std::unexpected(setup_error(std::move(born).error()));
  prepared.channel.child.reset();
  if (auto done = prepare_visitor(*born, spec, prepared); !done)
    return std::unexpected(setup_error(std::move(done).error()));
  auto terminal = follow(prepared.channel, born->newborn, prepared.memory);
  if (!terminal) return std::unexpected(std::move(terminal).error());
  return finish(prepared, born->newborn, std::move(*terminal));
}

}  // namespace tare::isolate
