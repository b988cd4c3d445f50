// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <optional>

#include "front/cli/session.h"

namespace tare::cli {
namespace {

// What the handler needs; plain data, because it may run at any instruction. [signal-safety(7)]
struct State {
  int pipe_read = -1;
  int pipe_write = -1;
  volatile sig_atomic_t forward = 0;
  volatile sig_atomic_t raw = 0;
  int terminal = -1;
  termios saved{};
  std::array<struct sigaction, 65> before{};
  std::array<bool, 65> caught{};
};
State g_state;  // NOLINT: handlers cannot be given anything.

// Sent by the kernel because this program is broken: never to be forwarded.
bool is_fault(int number) {
  return number == SIGSEGV || number == SIGBUS || number == SIGILL || number == SIGFPE ||
         number == SIGABRT || number == SIGTRAP || number == SIGSYS;
}

// Left alone: what cannot be caught, what concerns us only, and job control of our own terminal
// (catching SIGTTIN would turn a read in the background into a busy loop).
bool is_left_alone(int number) {
  return number == SIGKILL || number == SIGSTOP || number == SIGCHLD || number == SIGPIPE ||
         number == SIGURG || number == SIGTTIN || number == SIGTTOU ||
         (number > 31 && number < SIGRTMIN);
}

// Ends the process unless handled.
bool is_deadly(int number) { return number != SIGCONT && number != SIGTSTP && number != SIGWINCH; }

void put_terminal_back() {
  if (!g_state.raw) return;
  g_state.raw = 0;
  (void)::tcsetattr(g_state.terminal, TCSANOW, &g_state.saved);
}

void handle(int number) {
  const int saved_errno = errno;
  if (!is_fault(number) && (g_state.forward || number == SIGWINCH)) {
    const auto byte = static_cast<unsigned char>(number);
    (void)!::write(g_state.pipe_write, &byte, 1);  // A full pipe has enough signals in it.
    errno = saved_errno;
    return;
  }
  put_terminal_back();
  std::signal(number, SIG_DFL);
  ::raise(number);  // Delivered when this handler returns.
  errno = saved_errno;
}

void catch_signal(int number) {
  struct sigaction action{};
  action.sa_handler = handle;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  struct sigaction& before = g_state.before[static_cast<std::size_t>(number)];
  if (::sigaction(number, &action, &before) != 0) return;
  // What our parent chose to ignore (nohup) stays ignored, the window's size excepted.
  if (before.sa_handler == SIG_IGN)
    (void)::sigaction(number, &before, nullptr);
  else
    g_state.caught[static_cast<std::size_t>(number)] = true;
}

}  // namespace

SignalGuard::SignalGuard(bool forward) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return;  // fd() is -1: sessions without signals.
  g_state.pipe_read = ends[0];
  g_state.pipe_write = ends[1];
  g_state.forward = forward ? 1 : 0;
  for (int number = 1; number <= SIGRTMAX; ++number)
    if (!is_left_alone(number) && (forward || number == SIGWINCH || is_deadly(number)))
      catch_signal(number);
}

SignalGuard::~SignalGuard() {
  restore_terminal();
  for (std::size_t number = 1; number < g_state.caught.size(); ++number) {
    if (!g_state.caught[number]) continue;
    (void)::sigaction(static_cast<int>(number), &g_state.before[number], nullptr);
    g_state.caught[number] = false;
  }
  if (g_state.pipe_read >= 0) ::close(g_state.pipe_read);
  if (g_state.pipe_write >= 0) ::close(g_state.pipe_write);
  g_state.pipe_read = g_state.pipe_write = -1;
}

int SignalGuard::fd() const { return g_state.pipe_read; }

int SignalGuard::next() {
  unsigned char number = 0;
  return ::read(g_state.pipe_read, &number, 1) == 1 ? number : 0;
}

bool is_interrupted(SignalGuard& signals) {
  while (const int number = signals.next())
    if (is_deadly(number)) return true;
  return false;
}

namespace {

Result<> set_terminal(int fd, int when, const termios& wanted) {
  g_state.terminal = fd;
  g_state.raw = 1;  // First: a signal in between only restores what is there.
  if (::tcsetattr(fd, when, &wanted) == 0) return {};
  g_state.raw = 0;
  return fail_errno("change the terminal's settings");
}

}  // namespace

Result<> SignalGuard::make_raw(int fd) {
  if (::tcgetattr(fd, &g_state.saved) != 0) return fail_errno("read the terminal's settings");
  termios raw = g_state.saved;
  ::cfmakeraw(&raw);
  return set_terminal(fd, TCSANOW, raw);
}

Result<> SignalGuard::make_silent(int fd) {
  if (::tcgetattr(fd, &g_state.saved) != 0) return fail_errno("read the terminal's settings");
  termios silent = g_state.saved;
  silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  return set_terminal(fd, TCSAFLUSH, silent);
}

void SignalGuard::restore_terminal() { put_terminal_back(); }

}  // namespace tare::cli
