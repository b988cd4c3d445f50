// SPDX-License-Identifier: Apache-2.0
// Two processes: the outer one goes into the namespaces, the inner one (process 1 of the new pid
// namespace) works.
#include "store/confine.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "base/failpoint.h"
#include "base/text.h"
#include "sys/files.h"
#include "sys/mounts.h"
#include "sys/user_namespace.h"

namespace tare::store {
namespace {

constexpr std::size_t kMaxLine = 8192;
constexpr std::size_t kMaxReport = 64 << 20;

// The last lines of a report: "=" for success, "!KIND" and the texts for an error.
constexpr char kSuccess = '=';
constexpr char kFailure = '!';
constexpr char kSeparator = '\t';

void say(int fd, std::string_view text) {
  const std::string line = escaped(text.substr(0, kMaxLine)).substr(0, kMaxLine) + "\n";
  (void)sys::write_all(fd, line);  // A parent that is gone needs no report.
}

void say_error(int fd, const Error& error) {
  std::string line(1, kFailure);
  line += std::to_string(static_cast<unsigned>(error.kind())) + " " + escaped(error.message());
  line = line.substr(0, kMaxLine / 2) + kSeparator + escaped(error.hint());
  line = line.substr(0, kMaxLine) + "\n";
  (void)sys::write_all(fd, line);
}

Error too_large() { return Error(Kind::Invalid, "a file of the image is larger than it may be"); }

// --- The inner process ---------------------------------------------------------------------------

// Its whole world is the detached mount `mount`, made by the parent: a directory of another mount
// namespace cannot be cloned from in here.
Result<> enter_root(int mount) {
  const sys::Fd old = TRY(sys::open_path("/", O_PATH | O_DIRECTORY));
  if (::syscall(SYS_move_mount, mount, "", old.get(), "",
                MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0)
    return fail_errno("mount the directory to work in");
  if (::fchdir(mount) != 0) return fail_errno("enter the directory to work in");
  // It is still a peer of the directory that it was cloned from where that is shared, as it is on a
  // system of systemd's, and a shared mount cannot be a root [pivot_root(2), EINVAL].
  if (::mount(nullptr, ".", nullptr, MS_PRIVATE, nullptr) != 0)
    return fail_errno("make it private");
  if (::syscall(SYS_pivot_root, ".", ".") != 0) return fail_errno("pivot_root");
  if (::umount2(".", MNT_DETACH) != 0) return fail_errno("leave the old root");
  if (::chdir("/") != 0) return fail_errno("enter the new root");
  return {};
}

// Closes all descriptors but `keep`; standard input, output and error become `null`.
Result<> close_others(std::vector<int> keep, int null) {
  for (int fd = 0; fd <= 2; ++fd)
    if (std::find(keep.begin(), keep.end(), fd) == keep.end() && ::dup2(null, fd) < 0)
      return fail_errno("replace a standard descriptor");
  keep.insert(keep.end(), {0, 1, 2});
  std::sort(keep.begin(), keep.end());
  unsigned from = 0;
  for (const int fd : keep) {
    const auto at = static_cast<unsigned>(fd);
    if (at > from && ::syscall(SYS_close_range, from, at - 1, 0) != 0)
      return fail_errno("close_range");
    from = at + 1;
  }
  if (::syscall(SYS_close_range, from, ~0u, 0) != 0) return fail_errno("close_range");
  return {};
}

Result<> limit_resources(std::uint64_t file_bytes) {
  struct Limit {
    int resource;
    rlim_t value;
  };
  const Limit limits[] = {
      {RLIMIT_CORE, 0},
      {RLIMIT_FSIZE, file_bytes},
      {RLIMIT_NOFILE, 1024},
#if !defined(TARE_SANITIZED)
      {RLIMIT_AS, 1ull << 30},  // Decoders want at most a window of 64 MiB.
#endif
  };
  for (const Limit& limit : limits) {
    rlimit now{};
    if (::getrlimit(limit.resource, &now) != 0) return fail_errno("getrlimit");
    const rlim_t value = std::min(limit.value, now.rlim_max);
    const rlimit wanted{.rlim_cur = value, .rlim_max = value};
    if (::setrlimit(limit.resource, &wanted) != 0) return fail_errno("setrlimit");
  }
  return {};
}

Result<> drop_capabilities() {
  for (int cap = 0; ::prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; ++cap)
    if (::prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0) return fail_errno("drop a capability");
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[2]{};
  if (::syscall(SYS_capset, &header, data) != 0) return fail_errno("capset");
  return {};
}

Result<> filter_system_calls(const std::vector<sock_filter>& filter) {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail_errno("no_new_privs");
  const sock_fprog program{.len = static_cast<unsigned short>(filter.size()),
                           .filter = const_cast<sock_filter*>(filter.data())};
  if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0)
    return fail_errno("install the seccomp filter");
  return {};
}

Result<> confine(const Confinement& confinement, int report,
                 const std::vector<sock_filter>& filter) {
  {
    const sys::Fd null = TRY(sys::open_path("/dev/null", O_RDWR));
    TRY(enter_root(confinement.root));
    std::vector<int> keep = confinement.inputs;
    keep.push_back(report);
    keep.push_back(null.get());
    TRY(close_others(std::move(keep), null.get()));
  }
  ::umask(0);
  TRY(limit_resources(confinement.file_bytes));
  TRY(drop_capabilities());
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return fail_errno("prctl");
  return filter_system_calls(filter);
}

[[noreturn]] void run_inner(const Confinement& confinement, const Work& work, int report,
                            const std::vector<sock_filter>& filter) {
  auto done = confine(confinement, report, filter);
  if (!done)
    say_error(report, std::move(done).error().wrap("confine the unpacking process"));
  else if (const auto worked = work([&](std::string_view line) { say(report, line); }); !worked)
    // Process 1 of a namespace gets no SIGXFSZ. [pid_namespaces(7)]
    say_error(report, worked.error().errnum() == EFBIG ? too_large() : worked.error());
  else
    say(report, std::string(1, kSuccess));
  ::_exit(0);
}

// --- The outer process ---------------------------------------------------------------------------

// SECURITY: hidden first, see bear_helper() in isolate/helper.h.
Result<> enter_namespaces(int users) {
  constexpr int kNamespaces =
      CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWCGROUP;
  if (::prctl(PR_SET_DUMPABLE, 0) != 0) return fail_errno("prctl");
  if (::setns(users, CLONE_NEWUSER) != 0) return fail_errno("join the user namespace");
  if (::unshare(kNamespaces) != 0)
    return std::unexpected(
        Error::sys(errno, "make namespaces")
            .hint("there are as many namespaces as may be: see /proc/sys/user/max_*_namespaces"));
  if (::setgroups(0, nullptr) != 0 || ::setresgid(0, 0, 0) != 0 || ::setresuid(0, 0, 0) != 0)
    return fail_errno("become root of the namespace");
  if (::prctl(PR_SET_DUMPABLE, 0) != 0) return fail_errno("prctl");
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return fail_errno("prctl");
  return {};
}

[[noreturn]] void run_outer(const Confinement& confinement, const Work& work, int report, int users,
                            const std::vector<sock_filter>& filter) {
  ::signal(SIGPIPE, SIG_IGN);
  if (auto entered = enter_namespaces(users); !entered) {
    say_error(report, std::move(entered).error().wrap("confine the unpacking process"));
    ::_exit(0);
  }
  failpoint("unpack.confined");
  const pid_t inner = ::fork();
  if (inner < 0) {
    say_error(report, Error::sys(errno, "confine the unpacking process: fork"));
    ::_exit(0);
  }
  if (inner == 0) run_inner(confinement, work, report, filter);
  failpoint("unpack.forked");
  // Of pipes that somebody waits at the other end of, only the inner process is to hold an end.
  (void)::syscall(SYS_close_range, 3, ~0u, 0);
  int status = 0;
  while (::waitpid(inner, &status, 0) < 0 && errno == EINTR) {
  }
  // As exit status of the inner one: 0, or 128 and the signal that ended it.
  ::_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

// --- The parent ----------------------------------------------------------------------------------

// Reads lines from the child; returns the verdict. What is said after the verdict is not heard.
class Listener {
 public:
  explicit Listener(const Confined::Listen& listen) : listen_(listen) {}

  bool has_verdict() const { return verdict_.has_value(); }
  Result<> verdict() const { return *verdict_; }

  Result<> hear(int fd) {
    std::array<char, 4096> buffer{};
    std::size_t total = 0;
    for (;;) {
      const ssize_t count = ::read(fd, buffer.data(), buffer.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return fail_errno("listen to the unpacking process");
      if (count == 0) return {};
      total += static_cast<std::size_t>(count);
      TRY(take({buffer.data(), static_cast<std::size_t>(count)}));
      if (line_.size() > 2 * kMaxLine || total > kMaxReport)
        return fail(Kind::Internal, "the unpacking process says too much");
    }
  }

 private:
  Result<> take(std::string_view bytes) {
    for (const char c : bytes) {
      if (c != '\n') {
        line_ += c;
        continue;
      }
      if (!verdict_) TRY(take_line(escaped(line_)));
      line_.clear();
    }
    return {};
  }
  Result<> take_line(const std::string& line) {
    if (line == std::string(1, kSuccess)) {
      verdict_ = Result<>();
    } else if (line.starts_with(kFailure)) {
      verdict_ = parse_failure(line.substr(1));
    } else if (listen_) {
      return listen_(line);
    }
    return {};
  }
  static Result<> parse_failure(const std::string& line) {
    const auto parts = split_once(line, ' ');
    const auto number = parts ? parse_u64(parts->first) : parse_u64("");
    if (!number || *number > static_cast<std::uint64_t>(Kind::Internal))
      return fail(Kind::Internal, "the unpacking process failed and did not say how");
    // A tab was the separator; escaped() has made it visible.
    const std::string_view text = parts->second;
    const std::size_t tab = text.rfind("\\t");
    Error error(static_cast<Kind>(*number), std::string(text.substr(0, tab)));
    if (tab == std::string_view::npos) return std::unexpected(std::move(error));
    return std::unexpected(std::move(error).hint(std::string(text.substr(tab + 2))));
  }

  const Confined::Listen& listen_;
  std::string line_;
  std::optional<Result<>> verdict_;
};

Result<> explain_end(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return fail_errno("wait for the unpacking process");
  const int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  if (code == 128 + SIGSYS)
    return fail(
        Kind::Internal,
        "the confined unpacking process was killed: it wanted a system call that it may not "
        "use");
  if (code > 128)
    return fail(Kind::Internal, "the confined unpacking process was killed by signal " +
                                    std::to_string(code - 128));
  return fail(Kind::Internal, "the confined unpacking process ended without a result");
}

}  // namespace

namespace {

// What is made before there is a confined process.
struct Cell {
  std::vector<sock_filter> filter;
  sys::Fd root;  // Without programs, devices and setuid.
  sys::Fd users;
};

Result<Cell> make_cell(const Confinement& wanted) {
  Cell cell;
  cell.filter = TRY(confined_seccomp());
  cell.root = TRY(sys::clone_mount(wanted.root, false));
  TRY(sys::set_mount_attributes(
      cell.root.get(), MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID, 0, false));
  cell.users = TRY(sys::make_user_namespace(wanted.ids, wanted.ids.groups()),
                   "confine the unpacking process");
  return cell;
}

}  // namespace

Result<Confined> Confined::start(const Confinement& wanted, const Work& work) {
  const Cell cell = TRY(make_cell(wanted));
  Confinement confinement = wanted;
  confinement.root = cell.root.get();
  sys::Pipe report = TRY(sys::make_pipe());
  const pid_t child = ::fork();
  if (child < 0) return fail_errno("start the unpacking process");
  if (child == 0) {
    report.read.reset();
    run_outer(confinement, work, report.write.get(), cell.users.get(), cell.filter);
  }
  return Confined(child, std::move(report.read));
}

void become_confined(const Confinement& wanted, const Work& work, int report) {
  const auto cell = make_cell(wanted);
  if (!cell) {
    say_error(report, cell.error());
    ::_exit(0);
  }
  Confinement confinement = wanted;
  confinement.root = cell->root.get();
  run_outer(confinement, work, report, cell->users.get(), cell->filter);
}

sys::IdMap our_id() {
  sys::IdMap ids;
  ids.ranges.push_back({.inside = 0, .outside = ::geteuid(), .count = 1});
  if (::getegid() != ::geteuid())
    ids.group_ranges.push_back({.inside = 0, .outside = ::getegid(), .count = 1});
  return ids;
}

Result<sys::Pipe> make_wide_pipe() {
  constexpr int kBytes = 1 << 20;
  sys::Pipe pipe = TRY(sys::make_pipe());
  (void)::fcntl(pipe.write.get(), F_SETPIPE_SZ, kBytes);  // Narrower works too.
  return pipe;
}

Confined::Confined(Confined&& other) noexcept
    : child_(std::exchange(other.child_, -1)), report_(std::move(other.report_)) {}

Confined::~Confined() {
  if (child_ < 0) return;
  ::kill(child_, SIGKILL);
  (void)explain_end(child_);
}

Result<> Confined::finish(const Listen& listen) {
  Listener listener(listen);
  const auto heard = listener.hear(report_.get());
  if (!heard) ::kill(child_, SIGKILL);
  Result<> end = explain_end(std::exchange(child_, -1));
  TRY(heard);
  return listener.has_verdict() ? listener.verdict() : end;
}

Result<> run_confined(const Confinement& confinement, const Work& work, const Report& listen) {
  Confined process = TRY(Confined::start(confinement, work));
  return process.finish([&](std::string_view line) -> Result<> {
    if (listen) listen(line);
    return {};
  });
}

}  // namespace tare::store
