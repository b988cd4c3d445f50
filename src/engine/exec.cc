// SPDX-License-Identifier: Apache-2.0
// Running one more process in a container, and looking at those that run.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/failpoint.h"
#include "engine/attachment.h"
#include "engine/grants.h"
#include "engine/launch_report.h"
#include "engine/record.h"
#include "engine/resources.h"
#include "engine/services.h"
#include "engine/spec.h"
#include "engine/state.h"
#include "isolate/isolate.h"
#include "sys/files.h"

namespace tare::engine {
namespace {

StartFailure failure_of(Error error, int exit_code = 125) {
  return {.error = std::move(error), .exit_code = exit_code};
}

// The root directory as process 1 sees it: a magic link of our own procfs, opened as a directory
// once; everything below goes through openat2.
Result<sys::Fd> open_root_of(int pid) {
  return sys::open_path("/proc/" + std::to_string(pid) + "/root", O_PATH | O_DIRECTORY);
}

// The life of the process that stands by a detached one: it starts it, reports, takes what it
// writes out of the pipes so that it never blocks, and buries it. (A process nobody buries would
// keep the container's pid namespace from ending.)
[[noreturn]] void stand_by(isolate::EnterSpec spec, sys::Fd report,
                           const std::vector<std::string>& warnings) {
  ::setsid();
  failpoint("exec.forked");
  auto started = isolate::enter(std::move(spec), isolate::Stdin::Null);
  std::string text = "ok\n";
  for (const std::string& warning : warnings) text += warning + "\n";
  (void)sys::write_all(report.get(), started ? text : print_failure(started.error()));
  if (!started) ::_exit(1);
  failpoint("exec.detached");
  report.reset();
  // Whoever reads the command's standard output must not wait for this process.
  if (const auto null = sys::open_path("/dev/null", O_RDWR))
    for (int fd = 0; fd <= 2; ++fd) ::dup2(null->get(), fd);
  (void)!::chdir("/");
  for (;;) {
    pollfd polls[] = {{.fd = started->pidfd.get(), .events = POLLIN, .revents = 0},
                      {.fd = started->stdio.out.get(), .events = POLLIN, .revents = 0},
                      {.fd = started->stdio.err.get(), .events = POLLIN, .revents = 0}};
    if (::poll(polls, 3, -1) < 0 && errno != EINTR) break;
    if (polls[0].revents != 0) break;
    for (sys::Fd* stream : {&started->stdio.out, &started->stdio.err}) {
      const short events = polls[stream == &started->stdio.out ? 1 : 2].revents;
      char unread[4096];
      if (events != 0 && ::read(stream->get(), unread, sizeof unread) <= 0) stream->reset();
    }
  }
  (void)::waitpid(started->pid, nullptr, 0);
  ::_exit(0);
}

// Runs a detached process: as isolate::enter, but it is not ours to wait for. `warnings` is what
// the specification's `warn` fills, in the process that starts it and then here.
std::expected<isolate::Started, isolate::LaunchError> enter_detached(
    isolate::EnterSpec spec, std::vector<std::string>& warnings) {
  const auto setup_failure = [](Error error) {
    return std::unexpected(
        isolate::LaunchError{.error = std::move(error), .at = isolate::FailedAt::Setup});
  };
  auto pipe = sys::make_pipe();
  if (!pipe) return setup_failure(std::move(pipe).error());
  const pid_t pid = ::fork();
  if (pid < 0) return setup_failure(Error::sys(errno, "fork"));
  if (pid == 0) stand_by(std::move(spec), std::move(pipe->write), warnings);
  pipe->write.reset();
  auto text = sys::read_all(pipe->read.get(), 64 << 10);
  if (!text) return setup_failure(std::move(text).error());
  if (text->starts_with("ok\n")) {
    for (const std::string& warning : split(text->substr(3), '\n'))
      if (!warning.empty()) warnings.push_back(warning);
    return isolate::Started{};
  }
  ::waitpid(pid, nullptr, 0);
  return std::unexpected(parse_failure(*text));
}

// Everything /proc/PID tells for one line of top.
struct ProcessFacts {
  std::string uid, pid, parent, tty = "?", start, time, command;
};

std::string status_field(const std::string& status, std::string_view key) {
  for (const std::string& line : split(status, '\n'))
    if (line.starts_with(key)) {
      const std::string_view rest = trim(std::string_view(line).substr(key.size()));
      return std::string(rest.substr(0, rest.find_first_of(" \t")));
    }
  return "";
}

std::optional<ProcessFacts> read_process(const std::string& pid) {
  const std::string base = "/proc/" + pid + "/";
  const auto status = sys::load_file(AT_FDCWD, base + "status", 64 << 10);
  const auto stat = sys::load_file(AT_FDCWD, base + "stat", 4096);
  if (!status || !stat) return std::nullopt;
  ProcessFacts facts;
  facts.pid = pid;
  facts.uid = status_field(*status, "Uid:");
  facts.parent = status_field(*status, "PPid:");
  const auto command = sys::load_file(AT_FDCWD, base + "cmdline", 64 << 10);
  if (command && !command->empty()) {
    std::string line = *command;
    for (char& c : line)
      if (c == '\0') c = ' ';
    facts.command = escaped(trim(line));
  } else {
    facts.command = "[" + escaped(status_field(*status, "Name:")) + "]";
  }
  const std::vector<std::string> fields = split(stat->substr(stat->rfind(')') + 2), ' ');
  const long ticks = ::sysconf(_SC_CLK_TCK);
  if (fields.size() > 20 && ticks > 0) {
    const std::int64_t used =
        (parse_i64(fields[11]).value_or(0) + parse_i64(fields[12]).value_or(0)) / ticks;
    facts.time = fmt::format("{:02}:{:02}:{:02}", used / 3600, used / 60 % 60, used % 60);
    if (fields[4] != "0")
      facts.tty = "pts/" + std::to_string(parse_i64(fields[4]).value_or(0) & 0xff);
    struct stat info{};
    if (::stat(base.c_str(), &info) == 0) {
      std::tm parts{};
      ::localtime_r(&info.st_ctim.tv_sec, &parts);
      facts.start = fmt::format("{:02}:{:02}", parts.tm_hour, parts.tm_min);
    }
  }
  return facts;
}

}  // namespace

StartResult<ExecProcess> Engine::exec(const std::string& id, const ExecRequest& request) {
  isolate::EnterSpec spec;
  // Of a detached process it is the child of who stands by.
  if (!request.detach) {
    auto helper = isolate::start_helper(0, spec.process.kept_fds);
    if (!helper)
      return std::unexpected(failure_of(std::move(helper).error().wrap("exec in " + quoted(id))));
    spec.helper = std::move(*helper);
  }
  auto found = find(id);
  // Docker's exit code for a container that cannot be entered is 1, and not that of run.
  if (!found) return std::unexpected(failure_of(std::move(found).error(), 1));
  const Container& container = *found;
  if (container.status != Status::Running)
    return std::unexpected(
        failure_of(Error(Kind::Busy, "container " + quoted(container.name) + " is not running")
                       .hint("start it with tare start " + container.name),
                   1));
  if (container.paused)
    return std::unexpected(
        failure_of(Error(Kind::Busy, "container " + quoted(container.name) + " is paused")
                       .hint("let it go on first: tare unpause " + container.name),
                   1));
  sys::Fd root;
  sys::Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, container.pid, 0)));
  const auto prepare = [&]() -> Result<> {
    if (!pidfd) return fail_errno("open process 1 of " + quoted(container.name));
    // Between reading the pid and opening it the container may have ended and the pid been given
    // away again; the keeper still holds the lock only if it has not.
    if (TRY(find(container.id)).pid != container.pid)
      return fail(Kind::Busy, "container " + quoted(container.name) + " is not running any more");
    root = TRY(open_root_of(container.pid), "open the root of " + quoted(container.name));
    spec.process = TRY(make_exec_process(container, root.get(), request));
    const sys::Fd dir = TRY(state_->open_container(container.id));
    if (!container.config.net.links.empty() || !container.config.net.with.empty())
      add_told_variables(dir.get(), request.env, spec.process.env);
    return {};
  };
  if (auto prepared = prepare(); !prepared)
    return std::unexpected(failure_of(std::move(prepared).error()));
  failpoint("exec.opened");
  spec.pid = container.pid;
  spec.pidfd = pidfd.get();
  spec.cgroup_name = group_name(container);
  spec.needs_user_namespace = !has_grant(container, policy::grants::HostUsers::name);
  std::vector<std::string> warnings;
  spec.warn = [&warnings](const std::string& text) { warnings.push_back(escaped(text)); };
  const isolate::Process process = spec.process;
  const auto stdin_kind = request.open_stdin ? isolate::Stdin::Pipe : isolate::Stdin::Null;
  auto started = request.detach ? enter_detached(std::move(spec), warnings)
                                : isolate::enter(std::move(spec), stdin_kind);
  if (!started) {
    isolate::LaunchError& failure = started.error();
    if (failure.at == isolate::FailedAt::Exec) {
      const isolate::Diagnosis diagnosis =
          isolate::diagnose_exec(root.get(), process, failure.error);
      return std::unexpected(
          failure_of(Error(failure.error.kind(), "exec: " + diagnosis.message).hint(diagnosis.hint),
                     diagnosis.exit_code));
    }
    return std::unexpected(
        failure_of(std::move(failure.error).wrap("exec in " + quoted(container.name)),
                   failure.at == isolate::FailedAt::Cwd ? 127 : 125));
  }
  failpoint("exec.entered");
  return ExecProcess{.pid = started->pid,
                     .pidfd = std::move(started->pidfd),
                     .in = std::move(started->stdio.in),
                     .out = std::move(started->stdio.out),
                     .err = std::move(started->stdio.err),
                     .warnings = std::move(warnings)};
}

Result<> leave_running(Attachment& attachment) {
  sys::Pipe ready = TRY(sys::make_pipe());
  const pid_t pid = ::fork();
  if (pid < 0) return fail_errno("fork");
  if (pid > 0) {
    // Our end may hang up the terminal we are on: not before it is in a session of its own.
    ready.write.reset();
    TRY(sys::read_all(ready.read.get(), 1));
    return {};
  }
  ::setsid();
  ready.write.reset();
  // Whoever reads the command's standard output must not wait for this process.
  if (const auto null = sys::open_path("/dev/null", O_RDWR))
    for (int fd = 0; fd <= 2; ++fd) ::dup2(null->get(), fd);
  (void)!::chdir("/");
  // What the program writes goes nowhere, but never blocks it. It is not our child, so its end
  // shows as an error here.
  for (;;) {
    const auto event = attachment.next();
    if (!event || event->type == Event::Type::Exit) ::_exit(0);
  }
}

Result<Engine::ProcessTable> Engine::top(const std::string& id) const {
  const Container container = TRY(find(id));
  if (container.status != Status::Running)
    return fail(Kind::Busy, "container " + quoted(container.name) + " is not running");
  ProcessTable table{.titles = {"UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"},
                     .rows = {}};
  // By pid namespace and not by cgroup: an ordinary user's container may have no cgroup.
  struct stat mine{};
  const std::string link = "/proc/" + std::to_string(container.pid) + "/ns/pid";
  if (::stat(link.c_str(), &mine) != 0) return fail_errno("look at the processes");
  for (const std::string& pid : TRY(sys::list_directory(AT_FDCWD, "/proc"))) {
    if (!parse_u64(pid)) continue;
    struct stat other{};
    if (::stat(("/proc/" + pid + "/ns/pid").c_str(), &other) != 0 || other.st_ino != mine.st_ino)
      continue;
    if (const auto facts = read_process(pid))
      table.rows.push_back({facts->uid, facts->pid, facts->parent, "0", facts->start, facts->tty,
                            facts->time, facts->command});
  }
  return table;
}

}  // namespace tare::engine
