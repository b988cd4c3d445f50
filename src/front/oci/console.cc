// SPDX-License-Identifier: Apache-2.0
#include "front/oci/console.h"

#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/text.h"
#include "sys/process_end.h"
#include "sys/rights.h"

namespace tare::front_oci {
namespace {

// Our terminal without line editing and echo, until the end.
class RawTerminal {
 public:
  RawTerminal() {
    if (::tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios raw = before_;
    ::cfmakeraw(&raw);
    changed_ = ::tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
  }
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;
  ~RawTerminal() {
    if (changed_) ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }

 private:
  termios before_{};
  bool changed_ = false;
};

// All that can be passed on, as a descriptor. Blocked for good: we only wait from here on.
Result<sys::Fd> catch_signals() {
  sigset_t all;
  ::sigfillset(&all);
  for (const int number : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTTIN, SIGTTOU})
    ::sigdelset(&all, number);
  ::sigprocmask(SIG_BLOCK, &all, nullptr);
  sys::Fd signals(::signalfd(-1, &all, SFD_CLOEXEC));
  if (!signals) return fail_errno("receive signals");
  return signals;
}

void copy_size(const sys::Fd& master) {
  winsize size{};
  if (master && ::ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
    ::ioctl(master.get(), TIOCSWINSZ, &size);
}

void pass_signal(const sys::Fd& signals, int pidfd, const sys::Fd& master) {
  signalfd_siginfo info{};
  if (::read(signals.get(), &info, sizeof info) != sizeof info) return;
  const auto number = static_cast<int>(info.ssi_signo);
  if (number == SIGWINCH) copy_size(master);
  if (number == SIGCHLD || number == SIGWINCH || number == SIGPIPE) return;
  ::syscall(SYS_pidfd_send_signal, pidfd, number, nullptr, 0);
}

// Copies what is there; false at the end.
bool copy(int from, int to) {
  std::array<char, 16384> buffer;
  const ssize_t size = ::read(from, buffer.data(), buffer.size());
  if (size < 0) return errno == EINTR || errno == EAGAIN;
  if (size == 0) return false;
  return sys::write_all(to, {buffer.data(), static_cast<std::size_t>(size)}).has_value();
}

}  // namespace

Result<sys::Fd> connect_socket(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return fail(Kind::Invalid, "the path " + quoted(path) + " is too long for a socket");
  std::memcpy(address.sun_path, path.c_str(), path.size());
  sys::Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return fail_errno("make a socket");
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail_errno("connect to " + quoted(path));
  return socket;
}

Result<> send_terminal(const sys::Fd& socket, const sys::Fd& master) {
  char name[] = "/dev/ptmx";
  sys::RightsMessage<1> message(name, sizeof name - 1);
  const int fd = master.get();
  message.put(&fd, 1);
  if (::sendmsg(socket.get(), message.header(), MSG_NOSIGNAL) < 0)
    return fail_errno("send the terminal to --console-socket");
  return {};
}

Result<int> wait_in_foreground(pid_t pid, int pidfd, const sys::Fd& master) {
  const sys::Fd signals = TRY(catch_signals());
  std::optional<RawTerminal> raw;
  if (master) raw.emplace();
  copy_size(master);
  enum : std::size_t { kEnded, kSignals, kMaster, kTyped };
  std::array<pollfd, 4> waiting{{{.fd = pidfd, .events = POLLIN},
                                 {.fd = signals.get(), .events = POLLIN},
                                 {.fd = master.get(), .events = POLLIN},
                                 {.fd = master ? STDIN_FILENO : -1, .events = POLLIN}}};
  for (;;) {
    if (::poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR)
      return fail_errno("wait for the process");
    if (waiting[kSignals].revents != 0) pass_signal(signals, pidfd, master);
    if (waiting[kMaster].revents != 0 && !copy(master.get(), STDOUT_FILENO))
      waiting[kMaster].fd = -1;
    else if (waiting[kMaster].revents != 0)
      continue;  // All that it said before it ended.
    if (waiting[kTyped].revents != 0 && !copy(STDIN_FILENO, master.get())) waiting[kTyped].fd = -1;
    if (waiting[kEnded].revents != 0) break;
  }
  return sys::end_of(pid, pidfd);
}

}  // namespace tare::front_oci
