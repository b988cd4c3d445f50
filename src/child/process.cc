// SPDX-License-Identifier: Apache-2.0
// From root of the container's user namespace to the process that was asked for: the one order of
// protections for every process of a container, first or later.
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>

#include <cstring>
#include <iterator>

#include "child/calls.h"

namespace tare::child {
namespace {

constexpr std::uint64_t kSysAdmin = 1ULL << CAP_SYS_ADMIN;
constexpr std::size_t kStateSize = 16 << 10;
constexpr int kMayExecute = 1;  // X_OK

void connect_stdio(const Plan& plan, const int stdio[3]) noexcept {
  for (int i = 0; i < 3; ++i)
    if (stdio[i] != i) check(plan, Step::Stdio, call(SYS_dup3, stdio[i], i, 0));
}

void start_session(const Plan& plan) noexcept {
  check(plan, Step::Session, call(SYS_setsid));
  if (plan.process.terminal) check(plan, Step::Session, call(SYS_ioctl, 0, TIOCSCTTY, 0));
}

// Keys are not namespaced: whoever has the caller's session keyring has the caller's keys. The new
// one has no name that could be guessed and dies with its processes. A kernel without keys (ENOSYS)
// has none to protect. [keyctl(2), KEYCTL_JOIN_SESSION_KEYRING]
void join_keyring(const Plan& plan) noexcept {
  if (call(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0) < 0 && errno != ENOSYS)
    die(plan, Step::Keyring);
}

bool has(std::uint64_t set, std::uint32_t capability) noexcept {
  return capability < 64 && (set >> capability & 1) != 0;
}

void drop_bounding(const Plan& plan, std::uint64_t keep) noexcept {
  for (std::uint32_t capability = 0; capability <= plan.process.last_capability; ++capability)
    if (!has(keep, capability))
      check(plan, Step::Bounding, call(SYS_prctl, PR_CAPBSET_DROP, capability, 0, 0, 0));
}

void set_capabilities(const Plan& plan, const Capabilities& set) noexcept {
  __user_cap_header_struct header{};
  header.version = _LINUX_CAPABILITY_VERSION_3;
  __user_cap_data_struct data[2] = {};
  for (int half = 0; half < 2; ++half) {
    data[half].effective = static_cast<std::uint32_t>(set.effective >> (32 * half));
    data[half].permitted = static_cast<std::uint32_t>(set.permitted >> (32 * half));
    data[half].inheritable = static_cast<std::uint32_t>(set.inheritable >> (32 * half));
  }
  check(plan, Step::Capabilities, call(SYS_capset, &header, data));
}

void set_ambient(const Plan& plan, std::uint64_t set) noexcept {
  check(plan, Step::Capabilities,
        call(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
  for (std::uint32_t capability = 0; set != 0 && capability <= plan.process.last_capability;
       ++capability)
    if (has(set, capability))
      check(plan, Step::Capabilities,
            call(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0));
}

// A filter needs no_new_privs or CAP_SYS_ADMIN. Without the first, the second is kept until the
// filter stands, and no longer.
bool needs_admin(const Process& process) noexcept {
  return !process.no_new_privileges && process.filter.count > 0;
}

void change_credentials(const Plan& plan, const Process& process) noexcept {
  drop_bounding(plan, process.capabilities.bounding);
  if (process.set_groups)
    check(plan, Step::Groups, call(SYS_setgroups, process.groups.count, process.groups.items));
  check(plan, Step::Gid, call(SYS_setresgid, process.gid, process.gid, process.gid));
  if (process.uid != 0) check(plan, Step::Uid, call(SYS_prctl, PR_SET_KEEPCAPS, 1, 0, 0, 0));
  check(plan, Step::Uid, call(SYS_setresuid, process.uid, process.uid, process.uid));
  hide_memory(plan);
  if (process.uid != 0) check(plan, Step::Uid, call(SYS_prctl, PR_SET_KEEPCAPS, 0, 0, 0, 0));
  Capabilities capabilities = process.capabilities;
  if (needs_admin(process)) {
    capabilities.permitted |= kSysAdmin;
    capabilities.effective |= kSysAdmin;
  }
  set_capabilities(plan, capabilities);
  set_ambient(plan, capabilities.ambient);
  if (process.no_new_privileges)
    check(plan, Step::NoNewPrivileges, call(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

// Streams that came from the caller belong to somebody who may not be the process's user, which
// then could not open /dev/stdout again. What cannot be given (another file system's or user
// namespace's, a read-only one) stays as it is; /dev/null stays everybody's.
void give_stdio(const Plan& plan, const int stdio[3]) noexcept {
  if (!plan.process.own_stdio) return;
  for (int i = 0; i < 3; ++i) {
    struct stat status{};
    if (stdio[i] < 0 || call(SYS_newfstatat, stdio[i], "", &status, AT_EMPTY_PATH) < 0) continue;
    if (S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3)) continue;
    if (status.st_uid == plan.process.uid) continue;
    (void)call(SYS_fchown, stdio[i], plan.process.uid, -1);
  }
}

void set_personality(const Plan& plan, const Process& process) noexcept {
  if (process.personality >= 0)
    check(plan, Step::Personality, call(SYS_personality, process.personality));
}

void set_memory_policy(const Plan& plan, const MemoryPolicy& policy) noexcept {
  if (policy.bits > 0)
    check(plan, Step::MemoryPolicy,
          call(SYS_set_mempolicy, policy.mode, policy.nodes, policy.bits));
}

// Opened as late as this: the kernel lets a process write only its own file, and only with the
// credentials that it has opened it with. [proc_pid_attr_write() in fs/proc/base.c]
void set_label(const Plan& plan, const Process& process, int proc) noexcept {
  if (proc < 0) return;
  const int label =
      check(plan, Step::Label,
            call(SYS_openat, proc, process.label_path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC));
  check(plan, Step::Label, call(SYS_write, label, process.label, std::strlen(process.label)));
  close_fd(label);
  close_fd(proc);
}

// After the last change of credentials, which cleared it; and then a look whether the parent died
// in between. getppid(2) says nothing across pid namespaces, the channel does.
void die_with_parent(const Plan& plan) noexcept {
  check(plan, Step::DeathSignal, call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
  pollfd channel{};
  channel.fd = plan.channel;
  channel.events = POLLIN;
  timespec no_wait{};
  const int ready = check(plan, Step::DeathSignal, call(SYS_ppoll, &channel, 1, &no_wait, 0, 0));
  if (ready > 0 && (channel.revents & POLLHUP) != 0) {
    errno = ESRCH;
    die(plan, Step::DeathSignal);
  }
}

void reset_signals(const Plan& plan) noexcept {
  constexpr int kSignals = 64;
  for (int number = 1; number <= kSignals; ++number)
    if ((plan.process.ignored_signals & bare::signal_bit(number)) != 0)
      check(plan, Step::Signals, with_errno(bare::signal_disposition(number, false)));
  check(plan, Step::Signals, with_errno(bare::signal_mask(SIG_SETMASK, 0)));
}

void set_rlimits(const Plan& plan, const Process& process) noexcept {
  for (std::uint32_t i = 0; i < process.rlimits.count; ++i) {
    const Rlimit& limit = process.rlimits.items[i];
    const rlimit64 value{.rlim_cur = limit.soft, .rlim_max = limit.hard};
    check(plan, Step::Rlimit, call(SYS_prlimit64, 0, limit.resource, &value, 0), i);
  }
}

// SECURITY: a working directory outside the root would be a way out [CVE-2024-21626]: it is opened
// below the root without magic links, and the kernel is asked again where we are.
bool enter_cwd(const Plan& plan, const Process& process) noexcept {
  if (process.cwd[0] == '/' && process.cwd[1] == '\0') return call(SYS_chdir, "/") == 0;
  const int root =
      check(plan, Step::Cwd, call(SYS_openat, AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  const int cwd = open_in(root, process.cwd, O_PATH | O_DIRECTORY, 0);
  if (cwd < 0 || call(SYS_fchdir, cwd) < 0) return false;
  char path[4096];
  if (call(SYS_getcwd, path, sizeof path) < 0 || path[0] != '/') {
    errno = EXDEV;
    die(plan, Step::Unreachable);
  }
  return true;
}

void install_filter(const Plan& plan, const Process& process) noexcept {
  if (process.filter.count == 0) return;
  char state[kStateSize];
  long size = 0;
  if (process.listener >= 0)
    size = check(plan, Step::SeccompListener,
                 call(SYS_pread64, process.listener_state, state, sizeof state, 0));
  struct {
    unsigned short length;
    const sock_filter* filter;
  } const program{static_cast<unsigned short>(process.filter.count), process.filter.items};
  const int notify =
      check(plan, Step::Seccomp,
            call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, process.filter_flags, &program));
  // The notification descriptor, and what the specification says of the container, to the agent.
  // This is under the filter already, which therefore has to allow sendmsg(2). [runtime-spec 1.2
  // config-linux, "The Container Process State"]
  if (process.listener >= 0)
    send_with_fd(plan, Step::SeccompListener, process.listener, state,
                 static_cast<std::size_t>(size), notify);
  if (needs_admin(process)) set_capabilities(plan, process.capabilities);
}

// Which failure of several candidates is told: that something was there but may not be run says
// more than that nothing was there. [execvp(3)]
struct Attempts {
  int errnum = ENOENT;
  // Whether the next candidate may be tried.
  bool note(int failed) noexcept {
    if (failed == EACCES) errnum = EACCES;
    if (failed == EACCES || failed == ENOENT || failed == ENOTDIR) return true;
    errnum = failed;
    return false;
  }
};

// The init program looks its argument up itself; but that there is nothing to run has to be known
// here, where it still fails the start.
[[noreturn]] void execute_init(const Plan& plan, const Process& process) noexcept {
  Attempts attempts;
  for (const char* const* path = process.candidates; *path != nullptr; ++path) {
    if (call(SYS_faccessat2, AT_FDCWD, *path, kMayExecute, AT_EACCESS) == 0) {
      (void)call(SYS_execveat, process.init, "", process.init_argv, process.envp, AT_EMPTY_PATH);
      die(plan, Step::Exec);
    }
    if (!attempts.note(errno)) break;
  }
  errno = attempts.errnum;
  die(plan, Step::Exec);
}

// That there is something to run, while the one who asks for the container is still there to hear
// that there is not.
void look_for_program(const Plan& plan, const Process& process) noexcept {
  Attempts attempts;
  for (const char* const* path = process.candidates; *path != nullptr; ++path) {
    if (call(SYS_faccessat2, AT_FDCWD, *path, kMayExecute, AT_EACCESS) == 0) return;
    if (!attempts.note(errno)) break;
  }
  errno = attempts.errnum;
  die(plan, Step::Exec);
}

// SECURITY: nothing of the host is held open while it waits, perhaps for days.
void close_all_but_needed(const Plan& plan) noexcept {
  const Process& process = plan.process;
  const int needed[] = {plan.channel,     process.gate,           process.init,
                        process.listener, process.listener_state, process.start_hooks.state};
  keep_only(plan, 3 + static_cast<int>(process.kept_fds), needed, std::size(needed));
}

// The container exists now and waits for its start without whoever made it. Whoever connects starts
// it, and may go at once: then nobody hears what comes.
void wait_at_gate(const Plan& plan) noexcept {
  const Process& process = plan.process;
  if (process.look_first) look_for_program(plan, process);
  close_all_but_needed(plan);
  say(plan, Step::CloseRange, Event::Ready);
  const int starter = check(plan, Step::Gate, call(SYS_accept4, process.gate, 0, 0, SOCK_CLOEXEC));
  check(plan, Step::Gate, call(SYS_dup3, starter, plan.channel, O_CLOEXEC));
  close_fd(starter);
  close_fd(process.gate);
  Message message;
  message.event = Event::Ready;
  (void)call(SYS_sendto, plan.channel, &message, sizeof message, MSG_NOSIGNAL, 0, 0);
}

// What the program would have said had it been there.
void say_missing(const Process& process, int errnum) noexcept {
  if (process.gate < 0) return;
  const char* const name = process.argv[0] == nullptr ? "nothing" : process.argv[0];
  const char* const why = errnum == ENOENT   ? ": no such file or directory\n"
                          : errnum == EACCES ? ": permission denied\n"
                                             : ": cannot be executed\n";
  constexpr char kWho[] = "tare-oci: run ";
  (void)call(SYS_write, 2, kWho, sizeof kWho - 1);
  (void)call(SYS_write, 2, name, std::strlen(name));
  (void)call(SYS_write, 2, why, std::strlen(why));
}

[[noreturn]] void execute(const Plan& plan, const Process& process) noexcept {
  Attempts attempts;
  for (const char* const* path = process.candidates; *path != nullptr; ++path) {
    (void)call(SYS_execve, *path, process.argv, process.envp);
    if (!attempts.note(errno)) break;
  }
  say_missing(process, attempts.errnum);
  errno = attempts.errnum;
  die(plan, Step::Exec, 0, attempts.errnum == ENOENT ? 127 : 126);
}

}  // namespace

int open_terminal(const Plan& plan, int pts, int stdio[3]) noexcept {
  const int master =
      check(plan, Step::Terminal, call(SYS_openat, pts, "ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC));
  int unlock = 0;
  check(plan, Step::Terminal, call(SYS_ioctl, master, TIOCSPTLCK, &unlock));
  unsigned number = 0;
  check(plan, Step::Terminal, call(SYS_ioctl, master, TIOCGPTN, &number));
  // The peer by descriptor: no path of the container is looked at. [ioctl_tty(2), TIOCGPTPEER]
  const int peer = check(plan, Step::Terminal,
                         call(SYS_ioctl, master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  check(plan, Step::Terminal, call(SYS_fchown, peer, plan.process.uid, -1));
  if (plan.process.rows != 0 && plan.process.columns != 0) {
    const winsize size{.ws_row = plan.process.rows, .ws_col = plan.process.columns};
    check(plan, Step::Terminal, call(SYS_ioctl, master, TIOCSWINSZ, &size));
  }
  Message message;
  message.event = Event::Terminal;
  send_with_fd(plan, Step::Terminal, plan.channel, &message, sizeof message, master);
  close_fd(master);
  stdio[0] = stdio[1] = stdio[2] = peer;
  return static_cast<int>(number);
}

int open_proc_for_label(const Plan& plan) noexcept {
  if (plan.process.label == nullptr) return -1;
  const int proc = check(plan, Step::Label,
                         call(SYS_openat, AT_FDCWD, "/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
  // Above all that is kept, like the descriptors of the plan.
  const int high =
      check(plan, Step::Label, call(SYS_fcntl, proc, F_DUPFD_CLOEXEC, 64 + plan.process.kept_fds));
  close_fd(proc);
  return high;
}

void become_process(const Plan& plan, int proc, const int stdio[3]) noexcept {
  const Process& process = plan.process;
  give_stdio(plan, stdio);
  connect_stdio(plan, stdio);
  start_session(plan);
  set_personality(plan, process);
  set_memory_policy(plan, process.memory_policy);
  // As root first, so that a directory that only root may search works as in other engines; as the
  // user when root of the container may not, because the directory belongs to somebody outside.
  const bool there = enter_cwd(plan, process);
  if (!there && errno != EACCES) die(plan, Step::Cwd);
  set_label(plan, process, proc);
  change_credentials(plan, process);
  if (!there && !enter_cwd(plan, process)) die(plan, Step::Cwd);
  if (process.new_keyring) join_keyring(plan);
  if (process.dies_with_parent)
    die_with_parent(plan);
  else
    check(plan, Step::DeathSignal, call(SYS_prctl, PR_SET_PDEATHSIG, 0, 0, 0, 0));
  reset_signals(plan);
  (void)call(SYS_umask, process.umask);  // Always succeeds.
  set_rlimits(plan, process);
  check(plan, Step::CloseRange,
        call(SYS_close_range, 3 + process.kept_fds, ~0U, CLOSE_RANGE_CLOEXEC));
  if (process.gate >= 0)
    wait_at_gate(plan);
  else
    say(plan, Step::CloseRange, Event::Ready);
  if (process.awaits_parent) wait_for_parent(plan, Step::Beside);
  run_hooks(plan, process.start_hooks, 0);
  // Nothing but what the filter itself must let through comes behind it: write, capset, execve.
  install_filter(plan, process);
  if (process.init >= 0) execute_init(plan, process);
  execute(plan, process);
}

}  // namespace tare::child
