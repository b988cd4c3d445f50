// SPDX-License-Identifier: Apache-2.0
#include "isolate/channel.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <utility>

#include "isolate/report.h"
#include "sys/process_end.h"
#include "sys/rights.h"

namespace tare::isolate {
namespace {

// The new process talks at each step, and none takes long but hooks, which have timeouts of their
// own. A hostile container may stop a process that enters it, again and again.
constexpr int kStepMs = 1000;
constexpr int kPatienceSteps = 120;
constexpr int kMostStops = 5;

// Lets `newborn` go on if somebody has stopped it. Returns whether it was.
bool was_stopped(const Newborn* newborn) {
  if (newborn == nullptr || newborn->pidfd() < 0) return false;
  siginfo_t info{};
  if (::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(newborn->pidfd()), &info,
               WSTOPPED | WNOHANG) != 0 ||
      info.si_pid == 0 || info.si_code != CLD_STOPPED)
    return false;
  ::syscall(SYS_pidfd_send_signal, newborn->pidfd(), SIGCONT, nullptr, 0);
  return true;
}

Result<> wait_to_hear(int channel, const Newborn* newborn) {
  int stops = 0;
  for (int steps = 0; steps < kPatienceSteps;) {
    pollfd waiting{.fd = channel, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&waiting, 1, kStepMs);
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return fail_errno("wait for the new process");
    if (ready == 0) ++steps;
    if (was_stopped(newborn) && ++stops > kMostStops)
      return fail(Kind::Denied, "somebody in the container stops the new process");
  }
  return fail(Kind::Busy, "the new process says nothing for two minutes");
}

struct Heard {
  bool end = false;
  child::Message message;
  sys::Fd fd;
};

Result<Heard> hear(int channel, const Newborn* newborn) {
  TRY(wait_to_hear(channel, newborn));
  Heard heard;
  sys::RightsMessage<1> message(&heard.message, sizeof heard.message);
  ssize_t size = 0;
  do {
    size = ::recvmsg(channel, message.header(), MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  if (size < 0 && errno != ECONNRESET) return fail_errno("hear the new process");
  int fd = -1;
  if (size > 0 && message.take(&fd) == 1) heard.fd = sys::Fd(fd);
  heard.end = size <= 0;
  if (!heard.end && size != sizeof heard.message)
    return fail(Kind::Internal, "a message of the new process is cut short");
  return heard;
}

}  // namespace

Newborn::~Newborn() {
  if (!pidfd_) return;
  ::syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0);
  (void)sys::bury(pidfd_.get(), std::chrono::seconds(5));
}

sys::Fd Newborn::release() { return std::move(pidfd_); }

void Newborn::reap() {
  pollfd dying{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
  (void)::poll(&dying, 1, kStepMs);
  const auto end = sys::bury(pidfd_.get(), std::chrono::milliseconds(0));
  if (!end || end->has_value()) pidfd_.reset();
}

std::optional<std::string> Newborn::how_it_ended() const {
  // Its channel closes some time before it is dead.
  pollfd dying{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
  (void)::poll(&dying, 1, kStepMs);
  siginfo_t info{};
  if (::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(pidfd_.get()), &info,
               WEXITED | WNOHANG | WNOWAIT) != 0 ||
      info.si_pid == 0)
    return std::nullopt;
  if (info.si_code == CLD_EXITED) return fmt::format("exit status {}", info.si_status);
  return fmt::format("killed by signal {}", info.si_status);
}

namespace {

// A duplicate with the number `lowest` or above, close-on-exec.
Result<sys::Fd> move_up(int fd, int lowest) {
  sys::Fd high(::fcntl(fd, F_DUPFD_CLOEXEC, lowest));
  if (!high) return fail_errno("duplicate a descriptor");
  return high;
}

}  // namespace

Result<Channel> make_channel(int lowest) {
  int raw[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, raw) != 0)
    return fail_errno("make a socket pair");
  Channel channel{.parent = sys::Fd(raw[0]), .child = sys::Fd(raw[1])};
  if (channel.child.get() < lowest) channel.child = TRY(move_up(channel.child.get(), lowest));
  return channel;
}

namespace {

Result<sys::Pipe> make_owned_pipe(std::uint32_t uid, std::uint32_t gid) {
  sys::Pipe pipe = TRY(sys::make_pipe());
  if (::fchown(pipe.read.get(), uid, gid) != 0)
    return fail_errno("give a pipe to the container's user");
  return pipe;
}

}  // namespace

Result<Streams> make_streams(Stdin stdin_kind, std::uint32_t uid, std::uint32_t gid) {
  Streams streams;
  if (stdin_kind == Stdin::Pipe) {
    sys::Pipe pipe = TRY(make_owned_pipe(uid, gid));
    streams.in = std::move(pipe.read);
    streams.ours.in = std::move(pipe.write);
  }
  sys::Pipe out = TRY(make_owned_pipe(uid, gid));
  streams.out = std::move(out.write);
  streams.ours.out = std::move(out.read);
  sys::Pipe err = TRY(make_owned_pipe(uid, gid));
  streams.err = std::move(err.write);
  streams.ours.err = std::move(err.read);
  return streams;
}

namespace {

LaunchError setup_failure(Error error) {
  return {.error = std::move(error), .at = FailedAt::Setup};
}

// The child waits until `done`.
Result<> let_go(const Channel& channel, Result<> done) {
  TRY(std::move(done));
  if (::send(channel.parent.get(), "g", 1, MSG_NOSIGNAL) != 1)
    return fail_errno("continue the new process");
  return {};
}

LaunchError ended_early(const std::string& how) {
  Error error(Kind::Internal, "the new process ended before it was set up: " + how);
  if (!how.ends_with("signal 9")) return setup_failure(std::move(error));
  return setup_failure(std::move(error).hint("its control group may be out of memory"));
}

}  // namespace

std::expected<void, LaunchError> wait_until_awake(const Channel& channel, const Newborn& newborn,
                                                  const PlanMemory& memory) {
  Result<Heard> heard = hear(channel.parent.get(), &newborn);
  if (!heard) return std::unexpected(setup_failure(std::move(heard).error()));
  if (heard->end)
    return std::unexpected(ended_early(newborn.how_it_ended().value_or("its end is not known")));
  if (heard->message.event == child::Event::Awake) return {};
  return std::unexpected(explain_failure(heard->message, memory));
}

namespace {

// The child goes on with its own work meanwhile, up to its program. If it has failed, we hear so
// next.
Result<> work_beside(const Channel& channel, const Spec* spec, int pid, bool& is_done) {
  if (spec == nullptr || !spec->beside || std::exchange(is_done, true)) return {};
  TRY(spec->beside(pid));
  (void)::send(channel.parent.get(), "g", 1, MSG_NOSIGNAL);
  return {};
}

}  // namespace

std::expected<sys::Fd, LaunchError> follow(const Channel& channel, Newborn& newborn,
                                           const PlanMemory& memory, const Spec* spec,
                                           const Renamed& renamed) {
  sys::Fd terminal;
  std::optional<LaunchError> failure;
  bool is_ready = false;
  bool worked_beside = false;
  const bool waits_at_gate = memory.plan().process.gate >= 0;
  while (!(is_ready && waits_at_gate)) {
    Result<Heard> heard = hear(channel.parent.get(), &newborn);
    if (!heard) return std::unexpected(setup_failure(std::move(heard).error()));
    if (heard->end) break;
    switch (heard->message.event) {
      case child::Event::Awake:
        break;
      case child::Event::Failed:
        // Not the end: the message that tells us of the failed process may be behind it, and it is
        // ours to wait for. As a zombie it would keep the whole container from ending.
        failure = explain_failure(heard->message, memory);
        break;
      case child::Event::Terminal:
        terminal = std::move(heard->fd);
        break;
      case child::Event::Process:
        newborn.reap();  // It ends behind this message, and the final process is our child.
        newborn = Newborn(heard->message.pid, std::move(heard->fd));
        if (!renamed) break;
        if (auto done = let_go(channel, renamed(newborn.pid())); !done)
          return std::unexpected(setup_failure(std::move(done).error()));
        if (auto done = work_beside(channel, spec, newborn.pid(), worked_beside); !done)
          return std::unexpected(setup_failure(std::move(done).error()));
        break;
      case child::Event::Hooks:
        if (spec == nullptr || !spec->runtime_hooks) break;
        if (auto done = let_go(channel, spec->runtime_hooks(newborn.pid())); !done)
          return std::unexpected(setup_failure(std::move(done).error()));
        break;
      case child::Event::Ready:
        is_ready = true;
        // With a new process there was an earlier moment.
        if (auto done = work_beside(channel, spec, newborn.pid(), worked_beside); !done)
          return std::unexpected(setup_failure(std::move(done).error()));
        break;
    }
  }
  if (failure) return std::unexpected(std::move(*failure));
  if (is_ready) return terminal;
  return std::unexpected(ended_early(newborn.how_it_ended().value_or("its end is not known")));
}

std::expected<void, LaunchError> follow_start(const sys::Fd& connection) {
  bool is_ready = false;
  for (;;) {
    Result<Heard> heard = hear(connection.get(), nullptr);
    if (!heard) return std::unexpected(setup_failure(std::move(heard).error()));
    if (heard->end) break;
    if (heard->message.event == child::Event::Failed)
      return std::unexpected(explain_failure(heard->message, PlanMemory()));
    is_ready |= heard->message.event == child::Event::Ready;
  }
  if (is_ready) return {};
  return std::unexpected(
      LaunchError{.error = Error(Kind::Busy, "the process does not wait for a start any more"),
                  .at = FailedAt::Gate});
}

}  // namespace tare::isolate
