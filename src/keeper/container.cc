// SPDX-License-Identifier: Apache-2.0
#include "keeper/container.h"

#include <asm/ioctls.h>
#include <asm/termios.h>

#include <cerrno>
#include <initializer_list>

namespace tare::keeper {
namespace {

void make_nonblocking(int fd) {
  if (fd < 0) return;
  const long flags = bare::control(fd, F_GETFL, 0);
  if (flags >= 0) bare::control(fd, F_SETFL, flags | O_NONBLOCK);
}

}  // namespace

Container::Container(const Options& options)
    : pidfd_(options.pidfd),
      tty_(options.tty),
      input_(options.tty >= 0 ? options.tty : options.in),
      outputs_{options.tty >= 0 ? options.tty : options.out, options.tty >= 0 ? -1 : options.err},
      stop_signal_(options.stop_signal),
      stdin_once_(options.stdin_once) {
  for (const int fd : {input_, outputs_[0], outputs_[1]}) make_nonblocking(fd);
  // While nobody has the terminal open, reading from its master fails with EIO. A container may
  // close its terminal and open it again, so we keep it open. [pty(7); ioctl_tty(2), TIOCGPTPEER]
  if (tty_ >= 0)
    tty_peer_ =
        static_cast<int>(bare::device_control(tty_, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
}

std::size_t Container::read_output(Stream stream, char* buffer, std::size_t size) {
  int& fd = outputs_[static_cast<std::size_t>(stream)];
  const long got = bare::read(fd, buffer, size);
  if (got > 0) return static_cast<std::size_t>(got);
  if (got == -EAGAIN || got == -EINTR) return 0;
  if (fd != tty_) bare::close(fd);
  fd = -1;
  return 0;
}

std::size_t Container::take_input(const char* bytes, std::size_t size) {
  std::size_t taken = 0;
  while (input_ >= 0 && taken < size) {
    const long written = bare::write(input_, bytes + taken, size - taken);
    if (written > 0) {
      taken += static_cast<std::size_t>(written);
    } else if (written == -EAGAIN) {
      return taken;
    } else if (written != -EINTR) {
      if (input_ != tty_) bare::close(input_);  // Nobody can read it any more (EPIPE).
      input_ = -1;
    }
  }
  return size;
}

void Container::end_input() {
  if (!stdin_once_ || input_ < 0 || input_ == tty_) return;
  bare::close(input_);
  input_ = -1;
}

void Container::resize(const ResizePayload& size) const {
  if (tty_ < 0) return;
  winsize window{.ws_row = size.rows, .ws_col = size.columns, .ws_xpixel = 0, .ws_ypixel = 0};
  bare::device_control(tty_, TIOCSWINSZ, bare::word(&window));
}

long Container::signal(std::uint32_t number) const {
  if (number == 0) number = static_cast<std::uint32_t>(stop_signal_);
  if (number > 64) return -EINVAL;
  return bare::call(__NR_pidfd_send_signal, pidfd_, number, 0, 0);
}

std::uint8_t Container::attached_flags() const {
  return static_cast<std::uint8_t>((tty_ >= 0 ? kHasTerminal : 0) | (input_ >= 0 ? kHasStdin : 0));
}

void Container::let_terminal_end() {
  if (tty_peer_ >= 0) bare::close(tty_peer_);
  tty_peer_ = -1;
}

}  // namespace tare::keeper
