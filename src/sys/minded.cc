// SPDX-License-Identifier: Apache-2.0
#include "sys/minded.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>

#include "base/text.h"
#include "sys/files.h"

namespace tare::sys {
namespace {

constexpr int kCannotStart = 127;
constexpr int kKilled = 128 + SIGKILL;

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> all;
  for (std::string& word : words) all.push_back(word.data());
  all.push_back(nullptr);
  return all;
}

// What the new processes need, made before they are.
struct Plan {
  explicit Plan(const Minded::Request& wanted)
      : request(wanted),
        words(wanted.words),
        environment(wanted.environment),
        word_pointers(pointers(words)),
        variable_pointers(pointers(environment)) {}

  const Minded::Request& request;
  std::vector<std::string> words;
  std::vector<std::string> environment;
  std::vector<char*> word_pointers;
  std::vector<char*> variable_pointers;
  std::array<Fd, 3> streams;
};

[[noreturn]] void become_program(const Plan& plan, pid_t minder) {
  ::setpgid(0, 0);
  for (int i = 0; i < 3; ++i)
    if (::dup2(plan.streams[static_cast<std::size_t>(i)].get(), i) < 0) ::_exit(kCannotStart);
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || ::getppid() != minder)
    ::_exit(kCannotStart);
  ::signal(SIGPIPE, SIG_DFL);
  if (plan.request.confine)
    if (const auto confined = plan.request.confine(); !confined) {
      (void)write_all(STDERR_FILENO, "cannot be confined: " + confined.error().message() + "\n");
      ::_exit(kCannotStart);
    }
  // SECURITY: nothing of ours is open in it.
  if (::syscall(SYS_close_range, 3, ~0u, 0) != 0) ::_exit(kCannotStart);
  ::execve(plan.request.program.c_str(), plan.word_pointers.data(), plan.variable_pointers.data());
  ::_exit(kCannotStart);
}

// Children of ours: what has lost its parents is one, too. [prctl(2), PR_SET_CHILD_SUBREAPER]
void end_children(pid_t program) {
  ::kill(-program, SIGKILL);  // Not yet waited for: its number is still its group's.
  const std::string list = "/proc/self/task/" + std::to_string(::getpid()) + "/children";
  for (;;) {
    if (const auto file = open_path(list, O_RDONLY))
      for (const std::string& word : split(read_all(file->get(), 1 << 20).value_or(""), ' '))
        if (const auto pid = parse_u64(word)) ::kill(static_cast<pid_t>(*pid), SIGKILL);
    if (::waitpid(-1, nullptr, 0) < 0 && errno != EINTR) return;
  }
}

// The process between: waits for the program's end, or for ours.
[[noreturn]] void mind(const Plan& plan, int life, int theirs) {
  ::setpgid(0, 0);
  ::close(theirs);
  ::prctl(PR_SET_NAME, "tare-minder");
  if (!plan.request.own_processes && ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
    ::_exit(kCannotStart);
  const pid_t self = ::getpid();
  const pid_t program = ::fork();
  if (program < 0) ::_exit(kCannotStart);
  if (program == 0) become_program(plan, self);
  // Whoever reads what it writes must see its end.
  if (::dup2(life, 0) != 0 || ::syscall(SYS_close_range, 1, ~0u, 0) != 0) ::_exit(kCannotStart);
  const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, program, 0));
  if (pidfd < 0) ::_exit(kCannotStart);
  std::array<pollfd, 2> ends = {
      {{.fd = 0, .events = POLLIN, .revents = 0}, {.fd = pidfd, .events = POLLIN, .revents = 0}}};
  while (::poll(ends.data(), ends.size(), -1) < 0 && errno == EINTR) {
  }
  int status = kKilled;
  siginfo_t end{};
  if (ends[1].revents != 0 &&
      ::waitid(P_PID, static_cast<id_t>(program), &end, WEXITED | WNOWAIT) == 0)
    status = end.si_code == CLD_EXITED ? end.si_status : 128 + end.si_status;
  // Of process 1 of a pid namespace the kernel does it.
  if (!plan.request.own_processes) end_children(program);
  ::_exit(status);
}

}  // namespace

Result<Minded> Minded::start(const Request& request) {
  Pipe life = TRY(make_pipe());
  Plan plan(request);
  for (std::size_t i = 0; i < plan.streams.size(); ++i) {
    // Above the standard streams, whatever numbers those have here.
    plan.streams[i] = Fd(::fcntl(request.streams[i], F_DUPFD_CLOEXEC, 3));
    if (!plan.streams[i]) return fail_errno("duplicate a descriptor");
  }
  // As fork(2), which cannot ask for namespaces.
  const auto flags = static_cast<unsigned long>(SIGCHLD) | CLONE_NEWPID;
  const auto pid = static_cast<pid_t>(
      request.own_processes ? ::syscall(SYS_clone, flags, nullptr, nullptr, nullptr, 0) : ::fork());
  if (pid < 0) return fail_errno("start " + quoted(request.program));
  if (pid == 0) mind(plan, life.read.get(), life.write.get());
  return Minded(pid, std::move(life.write));
}

Minded::Minded(Minded&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), life_(std::move(other.life_)) {}

Minded::~Minded() {
  if (pid_ < 0) return;
  life_.reset();
  (void)finish();
}

Result<int> Minded::finish() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0)
    if (errno != EINTR) return fail_errno("wait for a program");
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace tare::sys
