// SPDX-License-Identifier: Apache-2.0
// A process that exec started, spoken to as if a keeper stood between.
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "base/text.h"
#include "front/cli/session.h"
#include "sys/process_end.h"

namespace tare::cli {
namespace {

class ExecAttachment : public engine::Attachment {
 public:
  ExecAttachment(engine::ExecProcess process, bool tty, sys::Fd watch)
      : process_(std::move(process)), tty_(tty), watch_(std::move(watch)) {}

  Result<> watch_all() {
    for (const int fd : {process_.out.get(), process_.err.get(), process_.pidfd.get()}) {
      if (fd < 0) continue;
      epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
      if (::epoll_ctl(watch_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
        return fail_errno("watch the process");
    }
    return {};
  }

  int fd() const override { return watch_.get(); }

  // Output before the exit: what the process wrote is in the pipes when its pidfd says it is gone.
  // Pipes that a left-over child holds open are not waited for.
  Result<engine::Event> next() override {
    for (;;) {
      std::array<epoll_event, 4> events{};
      const int count = ::epoll_wait(watch_.get(), events.data(), events.size(), exited_ ? 0 : -1);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return fail_errno("wait for the process");
      bool output = false;
      for (int i = 0; i < count; ++i) {
        const int fd = events[static_cast<std::size_t>(i)].data.fd;
        if (fd == process_.pidfd.get()) continue;
        output = true;
        auto event = TRY(read_output(fd));
        if (!event.bytes.empty()) return event;
      }
      if (output) continue;
      if (!exited_) {
        TRY(reap());
        continue;
      }
      return engine::Event{.type = engine::Event::Type::Exit, .exit_code = exit_code_};
    }
  }

  Result<> send_stdin(std::string_view bytes) override {
    const int fd = tty_ ? process_.out.get() : process_.in.get();
    if (fd < 0) return {};
    return sys::write_all(fd, bytes);
  }

  Result<> close_stdin() override {
    process_.in.reset();
    return {};
  }

  Result<> resize(std::uint16_t rows, std::uint16_t columns) override {
    if (!tty_) return {};
    const winsize size{.ws_row = rows, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
    if (::ioctl(process_.out.get(), TIOCSWINSZ, &size) != 0)
      return fail_errno("resize the terminal");
    return {};
  }

  Result<> signal(int number) override {
    if (::syscall(SYS_pidfd_send_signal, process_.pidfd.get(), number, nullptr, 0) != 0)
      return fail_errno("signal the process");
    return {};
  }

 private:
  Result<engine::Event> read_output(int fd) {
    const bool is_error = fd == process_.err.get();
    engine::Event event{.type =
                            is_error ? engine::Event::Type::Stderr : engine::Event::Type::Stdout};
    std::array<char, 32 << 10> buffer;
    const ssize_t count = ::read(fd, buffer.data(), buffer.size());
    if (count > 0) {
      event.bytes.assign(buffer.data(), static_cast<std::size_t>(count));
      return event;
    }
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) return event;
    // End of file; of a terminal's master EIO. [pty(7)]
    (void)::epoll_ctl(watch_.get(), EPOLL_CTL_DEL, fd, nullptr);
    return event;
  }

  // It is dead, its pidfd says so.
  Result<> reap() {
    exit_code_ = TRY(sys::end_of(process_.pid, process_.pidfd.get()));
    exited_ = true;
    (void)::epoll_ctl(watch_.get(), EPOLL_CTL_DEL, process_.pidfd.get(), nullptr);
    return {};
  }

  engine::ExecProcess process_;
  bool tty_;
  sys::Fd watch_;
  bool exited_ = false;
  int exit_code_ = 0;
};

}  // namespace

Result<ExecLink> make_exec_link(engine::ExecProcess process, bool tty) {
  sys::Fd watch(::epoll_create1(EPOLL_CLOEXEC));
  if (!watch) return fail_errno("make an epoll descriptor");
  const int input = tty ? process.out.get() : process.in.get();
  auto attachment = std::make_unique<ExecAttachment>(std::move(process), tty, std::move(watch));
  TRY(attachment->watch_all());
  return ExecLink{.attachment = std::move(attachment), .input_fd = input};
}

}  // namespace tare::cli
