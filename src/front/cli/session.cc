// SPDX-License-Identifier: Apache-2.0
#include "front/cli/session.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <optional>

namespace tare::cli {
namespace {

// A pipe or socket that poll() calls writable takes this much without blocking: one page is free.
// [pipe(7), PIPE_BUF]
constexpr std::size_t kSafeWrite = 4096;

// Bytes on their way to standard output or error. A descriptor of ours that others share must not
// be made non-blocking, so poll() is asked before each write of what surely fits.
class Output {
 public:
  explicit Output(int fd) : fd_(fd) {
    struct stat status{};
    slow_ = ::fstat(fd, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISCHR(status.st_mode);
  }

  int fd() const { return fd_; }
  bool waiting() const { return !bytes_.empty(); }
  void add(std::string_view bytes) {
    if (!closed_) bytes_ += bytes;
  }

  // False when there is no reader any more.
  Result<bool> write_some() {
    while (written_ < bytes_.size()) {
      const std::size_t left = bytes_.size() - written_;
      const ssize_t count =
          ::write(fd_, bytes_.data() + written_, slow_ ? std::min(left, kSafeWrite) : left);
      if (count < 0 && (errno == EINTR || errno == EAGAIN)) return true;
      if (count < 0) {
        const int failure = errno;
        closed_ = true;
        bytes_.clear();
        if (failure == EPIPE || failure == EIO) return false;
        return std::unexpected(Error::sys(failure, fd_ == STDOUT_FILENO
                                                       ? "write to standard output"
                                                       : "write to standard error"));
      }
      written_ += static_cast<std::size_t>(count);
      if (slow_) break;
    }
    if (written_ >= bytes_.size()) {
      bytes_.clear();
      written_ = 0;
    }
    return true;
  }

 private:
  int fd_;
  bool slow_ = false;
  bool closed_ = false;
  std::string bytes_;
  std::size_t written_ = 0;
};

class Session {
 public:
  Session(engine::Attachment& link, SignalGuard& signals, const SessionOptions& options)
      : link_(link), signals_(signals), options_(options), keys_(options.detach_keys) {
    reading_ = options.stdin;
  }

  Result<SessionEnd> run() {
    if (options_.tty) resize();
    while (!finished()) TRY(step());
    return end_.value_or(SessionEnd{});
  }

 private:
  bool finished() const {
    if (!end_) return false;
    if (end_->how == SessionEnd::How::Detached || end_->how == SessionEnd::How::NoListener)
      return true;
    return !out_.waiting() && !error_.waiting();
  }

  Result<> step() {
    // Back pressure: while our own output is stuck, nothing more is read from the container.
    const bool stuck = out_.waiting() || error_.waiting();
    const bool sending = !typed_.empty();
    std::array<pollfd, 6> polls = {{
        {.fd = signals_.fd(), .events = POLLIN},
        {.fd = out_.waiting() ? out_.fd() : -1, .events = POLLOUT},
        {.fd = error_.waiting() ? error_.fd() : -1, .events = POLLOUT},
        {.fd = stuck || end_ ? -1 : link_.fd(), .events = POLLIN},
        {.fd = reading_ && !sending && !end_ ? STDIN_FILENO : -1, .events = POLLIN},
        {.fd = sending && !end_ ? input_fd_ : -1, .events = POLLOUT},
    }};
    if (::poll(polls.data(), polls.size(), -1) < 0) {
      if (errno == EINTR) return {};
      return fail_errno("wait for the container");
    }
    if (polls[0].revents != 0) forward_signals();
    if (polls[1].revents != 0) TRY(write_out(out_));
    if (polls[2].revents != 0) TRY(write_out(error_));
    if (polls[3].revents != 0) TRY(take_event());
    if (polls[4].revents != 0) read_stdin();
    if (polls[5].revents != 0) send_typed();
    return {};
  }

  void resize() {
    const WindowSize size = window_size();
    if (size.rows != 0) (void)link_.resize(size.rows, size.columns);
  }

  void forward_signals() {
    for (int number; (number = signals_.next()) != 0;) {
      if (number == SIGWINCH) {
        if (options_.tty) resize();
      } else if (number == SIGHUP && options_.tty) {
        // Our terminal is gone; the container's is not.
        if (!end_) end_ = SessionEnd{.how = SessionEnd::How::Detached, .exit_code = 128 + SIGHUP};
      } else if (!end_) {
        (void)link_.signal(number);  // It may have ended just now; then its exit is on the way.
      }
    }
  }

  Result<> write_out(Output& output) {
    const bool someone_reads = TRY(output.write_some());
    if (!someone_reads && output.fd() == STDOUT_FILENO)
      end_ = SessionEnd{.how = SessionEnd::How::NoListener};
    return {};
  }

  Result<> take_event() {
    const engine::Event event = TRY(link_.next());
    switch (event.type) {
      case engine::Event::Type::Stdout:
        out_.add(event.bytes);
        break;
      case engine::Event::Type::Stderr:
        error_.add(event.bytes);
        break;
      case engine::Event::Type::Exit:
        end_ = SessionEnd{.how = SessionEnd::How::Exited,
                          .exit_code = event.exit_code,
                          .oom_killed = event.oom_killed};
        break;
      case engine::Event::Type::Closed:
        end_ = SessionEnd{.how = SessionEnd::How::Lost};
        break;
    }
    return {};
  }

  void read_stdin() {
    std::array<char, kSafeWrite / 2> buffer;  // With a frame's header around it still one page.
    const ssize_t count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (count <= 0) {
      reading_ = false;
      (void)link_.close_stdin();
      return;
    }
    const std::string_view bytes(buffer.data(), static_cast<std::size_t>(count));
    if (!options_.tty) {
      typed_ = bytes;
      return;
    }
    auto typed = keys_.feed(bytes);
    typed_ = std::move(typed.bytes);
    if (typed.detached) {
      if (!typed_.empty()) send_typed();
      end_ = SessionEnd{.how = SessionEnd::How::Detached};
    }
  }

  void send_typed() {
    if (!link_.send_stdin(typed_)) reading_ = false;  // The process does not read any more.
    typed_.clear();
  }

  engine::Attachment& link_;
  SignalGuard& signals_;
  const SessionOptions& options_;
  const int input_fd_ = options_.input_fd >= 0 ? options_.input_fd : link_.fd();
  DetachKeys keys_;
  Output out_{STDOUT_FILENO};
  Output error_{STDERR_FILENO};
  std::string typed_;
  bool reading_ = false;
  std::optional<SessionEnd> end_;
};

}  // namespace

Result<SessionEnd> run_session(engine::Attachment& link, SignalGuard& signals,
                               const SessionOptions& options) {
  if (options.tty && options.stdin && ::isatty(STDIN_FILENO)) TRY(signals.make_raw(STDIN_FILENO));
  auto end = Session(link, signals, options).run();
  signals.restore_terminal();
  return end;
}

WindowSize window_size() {
  for (const int fd : {STDOUT_FILENO, STDIN_FILENO, STDERR_FILENO}) {
    winsize size{};
    if (::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_row != 0 && size.ws_col != 0)
      return {.rows = size.ws_row, .columns = size.ws_col};
  }
  return {};
}

}  // namespace tare::cli
