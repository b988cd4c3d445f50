// SPDX-License-Identifier: Apache-2.0
#include "keeper/keeper.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>  // renameat
#include <cstring>
#include <initializer_list>

namespace tare::keeper {
namespace {

constexpr std::size_t kChunk = 16 << 10;
char chunk[kChunk];

void set_nonblocking(int fd) {
  if (fd >= 0) ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
}

std::uint8_t attach_bit(unsigned stream) { return stream == 0 ? kAttachStdout : kAttachStderr; }

// The number behind "oom_kill " in memory.events (v2) or memory.oom_control (v1).
bool had_oom_kill(const char* cgroup) {
  const int dir = ::open(cgroup, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (dir < 0) return false;
  bool found = false;
  for (const char* name : {"memory.events", "memory.oom_control"}) {
    const int fd = ::openat(dir, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) continue;
    const ssize_t size = ::read(fd, chunk, sizeof chunk - 1);
    ::close(fd);
    chunk[size > 0 ? size : 0] = '\0';
    const char* at = std::strstr(chunk, "oom_kill ");
    found = found || (at != nullptr && at[9] != '0');
  }
  ::close(dir);
  return found;
}

void sleep_ms(long ms) {
  const timespec time{.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1'000'000};
  ::nanosleep(&time, nullptr);
}

char* append(char* at, const char* text) {
  const std::size_t size = std::strlen(text);
  std::memcpy(at, text, size);
  return at + size;
}

char* append_number(char* at, std::int64_t value) {
  if (value < 0) {
    *at++ = '-';
    value = -value;
  }
  char digits[20];
  int count = 0;
  do digits[count++] = static_cast<char>('0' + value % 10);
  while ((value /= 10) > 0);
  while (count > 0) *at++ = digits[--count];
  return at;
}

}  // namespace

void Keeper::start() {
  for (const int number : {SIGHUP, SIGINT, SIGTERM, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2})
    ::signal(number, SIG_IGN);  // The keeper ends with its container, not with a terminal.
  set_nonblocking(options_.in);
  set_nonblocking(options_.out[0]);
  set_nonblocking(options_.out[1]);
  set_nonblocking(options_.tty);
  log_.open(options_.dir, options_.log_max, options_.log_files);
  if (options_.client >= 0) clients_[0].open(options_.client);
  ::fcntl(options_.lock, F_SETFD, FD_CLOEXEC);  // A clean-up program must be able to take it.
}

void Keeper::run() {
  while (!exited_) wait_for_something(-1);
  drain();
  log_.finish();
  for (unsigned i = 0; i < options_.cgroup_count; ++i)
    if (had_oom_kill(options_.cgroups[i])) exit_.oom = 1;
  remove_cgroups();
  write_exit();
  ::unlinkat(options_.dir, "ctl", 0);
  bool owned = false;
  for (const Client& client : clients_)
    owned = owned || (client.fd >= 0 && (client.wants & kAttachOwner) != 0);
  tell_exit();
  if (owned || options_.cleanup_count == 0) return;
  ::close(options_.lock);
  ::execve(options_.cleanup[0], const_cast<char* const*>(options_.cleanup), environ);
}

void Keeper::wait_for_something(int timeout_ms) {
  pollfd polls[kClients + 6];
  unsigned count = 0;
  const auto add = [&](int fd, short events) {
    polls[count] = {.fd = events != 0 ? fd : -1, .events = events, .revents = 0};
    return count++;
  };
  const int input = options_.tty >= 0 ? options_.tty : options_.in;
  const unsigned pidfd = add(exited_ ? -1 : options_.pidfd, POLLIN);
  const unsigned listener = add(options_.listener, POLLIN);
  unsigned streams[2];
  for (unsigned stream = 0; stream < 2; ++stream) {
    const int fd = stream == 0 && options_.tty >= 0 ? options_.tty : options_.out[stream];
    streams[stream] = add(fd, output_has_room(stream) ? POLLIN : 0);
  }
  const unsigned writable = add(input, stdin_blocked_ ? POLLOUT : 0);
  const unsigned first_client = count;
  for (Client& client : clients_) {
    short events = client.out_begin < client.out_end ? POLLOUT : 0;
    // A frame that could not be passed on yet stops the reading of more.
    if (client.in_size < Client::kIn) events |= POLLIN;
    add(client.fd, client.fd >= 0 ? events : 0);
  }
  const int ready = ::poll(polls, count, timeout_ms);
  if (ready <= 0) return;
  for (unsigned i = 0; i < kClients; ++i) {
    const short events = polls[first_client + i].revents;
    if (clients_[i].fd >= 0 && (events & POLLOUT) != 0) clients_[i].send();
    if (clients_[i].fd >= 0 && (events & (POLLIN | POLLHUP | POLLERR)) != 0) {
      clients_[i].receive();
      handle_frames(clients_[i]);
    }
  }
  if (polls[writable].revents != 0) {
    stdin_blocked_ = false;
    for (Client& client : clients_) handle_frames(client);
  }
  for (unsigned stream = 0; stream < 2; ++stream)
    if (polls[streams[stream]].revents != 0) read_output(stream);
  if (polls[listener].revents != 0) accept_client();
  if (polls[pidfd].revents != 0) reap();
}

void Keeper::accept_client() {
  const int fd = ::accept4(options_.listener, nullptr, nullptr, SOCK_CLOEXEC);
  if (fd < 0) return;
  // SECURITY: the socket lies in a private directory; this is the second lock.
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
      (peer.uid == 0 || peer.uid == ::geteuid()))
    for (Client& client : clients_)
      if (client.fd < 0) {
        client.open(fd);
        return;
      }
  ::close(fd);
}

void Keeper::handle_frames(Client& client) {
  while (const FrameHeader* header = client.frame()) {
    switch (static_cast<Request>(header->type)) {
      case Request::Attach:
        client.wants = header->flags;
        break;
      case Request::Stdin:
        if (!handle_stdin(client, *header)) return;
        break;
      case Request::StdinClose:
        if (options_.tty < 0) close_stdin();
        break;
      case Request::Resize:
        if (header->length == 4 && options_.tty >= 0) {
          std::uint16_t size[2];
          std::memcpy(size, client.payload(), sizeof size);
          const winsize window{
              .ws_row = size[0], .ws_col = size[1], .ws_xpixel = 0, .ws_ypixel = 0};
          ::ioctl(options_.tty, TIOCSWINSZ, &window);
        }
        break;
      case Request::Signal:
        if (header->length == 4 && !exited_) {
          std::uint32_t number = 0;
          std::memcpy(&number, client.payload(), sizeof number);
          ::syscall(SYS_pidfd_send_signal, options_.pidfd, number, nullptr, 0);
        }
        break;
      case Request::Wait:
        break;  // Everybody is told the exit.
    }
    client.drop_frame();
  }
}

bool Keeper::handle_stdin(Client& client, const FrameHeader& header) {
  const int fd = options_.tty >= 0 ? options_.tty : options_.in;
  if ((client.wants & kAttachStdin) == 0) return true;
  while (fd >= 0 && client.stdin_done < header.length) {
    const ssize_t count =
        ::write(fd, client.payload() + client.stdin_done, header.length - client.stdin_done);
    if (count >= 0) {
      client.stdin_done += static_cast<std::size_t>(count);
    } else if (errno == EAGAIN) {
      stdin_blocked_ = true;
      return false;
    } else if (errno != EINTR) {
      return true;  // The process closed its standard input: nobody wants the bytes.
    }
  }
  return true;
}

void Keeper::close_stdin() {
  if (options_.in >= 0) ::close(options_.in);
  options_.in = -1;
  stdin_blocked_ = false;
}

bool Keeper::output_has_room(unsigned stream) {
  for (Client& client : clients_)
    if (client.fd >= 0 && (client.wants & attach_bit(stream)) != 0 && client.room() < kChunk)
      return false;
  return true;
}

void Keeper::read_output(unsigned stream) {
  int& fd = stream == 0 && options_.tty >= 0 ? options_.tty : options_.out[stream];
  if (fd < 0) return;
  const ssize_t count = ::read(fd, chunk, sizeof chunk);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) {
    // A terminal gives EIO while nobody has its other side open; a program may open it again later.
    if (options_.tty >= 0 && !exited_) {
      sleep_ms(1);
      return;
    }
    ::close(fd);
    fd = -1;
    return;
  }
  const auto size = static_cast<std::size_t>(count);
  log_.write(stream, chunk, size);
  for (Client& client : clients_)
    if (client.fd >= 0 && (client.wants & attach_bit(stream)) != 0) {
      client.put(stream == 0 ? Reply::Stdout : Reply::Stderr, chunk, size);
      client.send();
    }
}

void Keeper::reap() {
  siginfo_t info{};
  if (::waitid(P_PID, static_cast<id_t>(options_.pid), &info, WEXITED) != 0 && errno == EINTR)
    return;
  exit_.exit_code = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  exit_.finished_at = static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
  exited_ = true;
}

// All processes of the container are dead; what they wrote is still in the pipes.
void Keeper::drain() {
  timespec start{};
  ::clock_gettime(CLOCK_MONOTONIC, &start);
  for (;;) {
    const bool open = options_.tty >= 0 || options_.out[0] >= 0 || options_.out[1] >= 0;
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    if (!open || now.tv_sec - start.tv_sec > 10) return;  // A client that takes nothing for 10 s.
    wait_for_something(100);
  }
}

void Keeper::remove_cgroups() {
  constexpr int kTries = 100;
  for (unsigned i = 0; i < options_.cgroup_count; ++i)
    for (int tries = 0; tries < kTries; ++tries) {
      if (::rmdir(options_.cgroups[i]) == 0 || errno != EBUSY) break;
      sleep_ms(1);  // A zombie is still being buried. What stays is found by the next command.
    }
}

void Keeper::write_exit() {
  char text[128];
  char* at = append(text, "exit_code=");
  at = append_number(at, exit_.exit_code);
  at = append(at, "\nfinished_at=");
  at = append_number(at, exit_.finished_at);
  at = append(at, "\noom=");
  at = append_number(at, exit_.oom);
  at = append(at, "\n");
  const int fd = ::openat(options_.dir, "exit.tmp", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return;
  const bool written = ::write(fd, text, static_cast<std::size_t>(at - text)) == at - text;
  // A container that is about to be removed has nothing to lose in a power cut.
  const bool synced = options_.cleanup_count > 0 || ::fsync(fd) == 0;
  ::close(fd);
  if (written && synced) ::renameat(options_.dir, "exit.tmp", options_.dir, "exit");
}

void Keeper::tell_exit() {
  constexpr int kPatienceMs = 5000;
  for (int waited = 0; waited < kPatienceMs; ++waited) {
    bool left = false;
    for (Client& client : clients_) {
      if (client.fd < 0) continue;
      // Told once: afterwards `wants` has no meaning and marks it.
      constexpr std::uint8_t kTold = 128;
      if ((client.wants & kTold) == 0 && client.room() >= sizeof exit_) {
        client.put(Reply::Exit, &exit_, sizeof exit_);
        client.wants |= kTold;
      }
      client.send();
      left = left || (client.fd >= 0 && client.out_begin < client.out_end);
    }
    if (!left) return;
    sleep_ms(1);
  }
}

}  // namespace tare::keeper
