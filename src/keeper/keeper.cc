// SPDX-License-Identifier: Apache-2.0
// The loop: one poll(2) over everything, rebuilt each time, because there are never more than two
// dozen descriptors and then no state can get out of step.
#include "keeper/keeper.h"

#include <sys/prctl.h>
#include <sys/wait.h>

#include <cerrno>
#include <initializer_list>
#include <new>

#include "base/failpoint.h"
#include "keeper/clients.h"
#include "keeper/ending.h"
#include "keeper/probes.h"

namespace tare::keeper {
namespace {

constexpr std::size_t kChunk = 64 << 10;  // A pipe's usual capacity.
constexpr std::size_t kLeastRoom = 4096;  // A client with less has to read first.
constexpr std::int64_t kMillisecond = 1'000'000;
constexpr long kQuietMs =
    100;  // After process 1 has died; everything in its pid namespace died before.
constexpr std::int64_t kPatienceNs =
    5000 * kMillisecond;  // With clients that do not read, at the end.

char chunk[kChunk];

class Keeper {
 public:
  Keeper(const Options& options, char** environment)
      : options_(options), container_(options), probes_(options, environment) {}

  int run(char** environment) {
    set_up();
    failpoint("keeper.begin");
    while (!exited_) {
      step(probes_.wait_ms());
      if (!exited_) probes_.act();
    }
    probes_.end();
    failpoint("keeper.exited");
    drain();
    failpoint("keeper.drained");
    finish();
    failpoint("keeper.told");
    remove_cgroups(options_);
    failpoint("keeper.groups");
    if (options_.cleanup.path != nullptr && !taken_over_)
      exec_program(options_.cleanup, environment);
    return 0;
  }

 private:
  void set_up();
  void step(long timeout_ms);
  int fill(pollfd* fds);
  void reap();
  bool accept_client();
  void pass_output(Stream stream);
  std::size_t chunk_room(Stream stream) const;
  bool held_up() const;
  void drain();
  void finish();
  void tell_exit();

  // Places in the list for poll(2); clients follow.
  enum Slot { kSignals, kProcess, kListen, kOut, kErr, kIn, kFirstClient };

  const Options& options_;
  Container container_;
  Probes probes_;
  Log log_;
  Client clients_[kMaxClients];
  int signals_ = -1;
  bool exited_ = false;
  bool taken_over_ = false;
  long events_ = 0;  // Of the last step.
  ExitPayload exit_{};
};

void use_null_for_standard_streams() {
  const long null = bare::open_at(AT_FDCWD, "/dev/null", O_RDWR);
  if (null < 0) return;
  for (int fd = 0; fd <= 2; ++fd) bare::call(__NR_dup3, null, fd, 0);
  if (null > 2) bare::close(static_cast<int>(null));
}

// Whatever else the engine had open when it became us is closed, so that nothing of it lives as
// long as the container; ours do not pass on to the clean-up program.
void keep_only_ours(const Options& options) {
  const int ours[] = {options.pidfd, options.dir, options.lock, options.listen, options.client,
                      options.in,    options.out, options.err,  options.tty};
  std::int64_t from = 3;
  for (;;) {
    std::int64_t next = std::int64_t{1} << 32;
    for (const int fd : ours)
      if (fd >= from && fd < next) next = fd;
    if (next > from) bare::call(__NR_close_range, from, next - 1, 0);
    if (next == std::int64_t{1} << 32) return;
    bare::control(static_cast<int>(next), F_SETFD, FD_CLOEXEC);
    from = next + 1;
  }
}

void Keeper::set_up() {
  bare::call(__NR_setsid);
  bare::call(__NR_prctl, PR_SET_NAME, bare::word("tare-keeper"));
  bare::call(__NR_chdir, bare::word("/"));
  bare::call(__NR_umask, 0077);
  // The end of a terminal session, or a careless killall, must not end containers.
  for (const int signal : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM,
                           SIGTSTP, SIGTTIN, SIGTTOU})
    bare::signal_disposition(signal, true);
  bare::signal_disposition(SIGCHLD, false);  // Ignored, the kernel would throw exit codes away.
  const std::uint64_t mask = bare::signal_bit(SIGCHLD);
  bare::signal_mask(SIG_SETMASK, mask);
  signals_ = static_cast<int>(
      bare::call(__NR_signalfd4, -1, bare::word(&mask), sizeof mask, O_CLOEXEC | O_NONBLOCK));
  use_null_for_standard_streams();
  bare::control(options_.listen, F_SETFL, O_NONBLOCK);
  if (options_.log_max > 0) log_.open(options_.dir, options_.log_max, options_.log_files);
  if (options_.client >= 0 && clients_[0].start(options_.client))
    clients_[0].on_readable(container_);
  reap();  // What died before we listened.
}

// All children, because who started the container may have left others to us.
void Keeper::reap() {
  for (;;) {
    int status = 0;
    const long pid = bare::call(__NR_wait4, -1, bare::word(&status), WNOHANG, 0);
    if (pid == -EINTR) continue;
    if (pid <= 0) break;
    if (probes_.take_exit(pid, status) || pid != options_.pid) continue;
    exited_ = true;
    exit_.finished_at = bare::clock_ns(CLOCK_REALTIME);
    exit_.exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }
}

int Keeper::fill(pollfd* fds) {
  for (int i = 0; i < kFirstClient; ++i) fds[i] = {-1, POLLIN, 0};
  fds[kSignals].fd = signals_;
  if (!exited_) fds[kProcess].fd = options_.pidfd;
  fds[kListen].fd = options_.listen;
  if (chunk_room(Stream::Out) >= kLeastRoom) fds[kOut].fd = container_.output(Stream::Out);
  if (chunk_room(Stream::Err) >= kLeastRoom) fds[kErr].fd = container_.output(Stream::Err);
  for (std::size_t i = 0; i < kMaxClients; ++i) {
    const Client& client = clients_[i];
    pollfd& slot = fds[kFirstClient + i];
    slot = {-1, 0, 0};
    if (client.used() && client.wants(slot.events)) slot.fd = client.fd();
    if (client.waits_for_input()) fds[kIn] = {container_.input(), POLLOUT, 0};
  }
  return kFirstClient + static_cast<int>(kMaxClients);
}

void Keeper::step(long timeout_ms) {
  pollfd fds[kFirstClient + kMaxClients];
  events_ = bare::poll(fds, static_cast<unsigned>(fill(fds)), timeout_ms);
  if (events_ <= 0) return;
  // Clients first: who attaches now gets the output that is read now.
  for (std::size_t i = 0; i < kMaxClients; ++i) {
    Client& client = clients_[i];
    const short happened = fds[kFirstClient + i].revents;
    if (happened == 0) continue;
    if ((happened & (POLLHUP | POLLERR)) != 0) client.on_hangup();
    if ((happened & POLLOUT) != 0) client.on_writable();
    if ((happened & (POLLIN | POLLHUP | POLLERR)) != 0) client.on_readable(container_);
  }
  // Also of one whose last words the container does not read.
  for (const Client& client : clients_)
    if (client.is_lost()) container_.signal(SIGKILL);
  if (fds[kIn].revents != 0)
    for (Client& client : clients_)
      if (client.waits_for_input()) {
        client.retry_input(container_);
        client.on_readable(container_);
      }
  if (fds[kListen].revents != 0) accept_client();
  if (fds[kOut].revents != 0) pass_output(Stream::Out);
  if (fds[kErr].revents != 0) pass_output(Stream::Err);
  if (fds[kSignals].revents != 0) {
    char info[128];  // signalfd_siginfo: only that it came matters.
    bare::read(signals_, info, sizeof info);
  }
  if ((fds[kSignals].revents | fds[kProcess].revents) != 0) reap();
  if (fds[kProcess].revents != 0 && !exited_) {  // Not our child: its status is not ours to know.
    exited_ = true;
    exit_ = {
        .exit_code = 255, .oom = 0, .reserved = {}, .finished_at = bare::clock_ns(CLOCK_REALTIME)};
  }
}

// False: nobody is waiting.
bool Keeper::accept_client() {
  const auto fd = static_cast<int>(
      bare::call(__NR_accept4, options_.listen, 0, 0, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (fd < 0) return false;
  // SECURITY: the socket's mode keeps others out already; this holds even when somebody opens the
  // directory. [tests/keeper/run]
  struct {
    std::int32_t pid;
    std::uint32_t uid;
    std::uint32_t gid;
  } peer{};
  int size = sizeof peer;
  const long rc = bare::call(__NR_getsockopt, fd, SOL_SOCKET, SO_PEERCRED, bare::word(&peer),
                             bare::word(&size));
  if (rc < 0 || (peer.uid != 0 && peer.uid != bare::call(__NR_geteuid))) {
    bare::close(fd);
    return true;
  }
  for (Client& client : clients_) {
    if (client.used()) continue;
    if (client.start(fd)) client.on_readable(container_);
    return true;
  }
  Client refused;
  if (refused.start(fd)) {
    refused.send_error("16 clients are connected to this container already");
    refused.close(container_);
  }
  return true;
}

// How much of a stream may be read now without leaving a client behind.
std::size_t Keeper::chunk_room(Stream stream) const {
  std::size_t room = kChunk;
  for (const Client& client : clients_)
    if (client.listens_to(stream) && client.room() < room) room = client.room();
  return room;
}

void Keeper::pass_output(Stream stream) {
  if (container_.output(stream) < 0) return;
  const std::size_t room = chunk_room(stream);
  if (room < kLeastRoom) return;  // A client attached or stdout filled it since we waited.
  const std::size_t size = container_.read_output(stream, chunk, room);
  if (size == 0) return;
  if (options_.log_max > 0) log_.write(stream, chunk, size, bare::clock_ns(CLOCK_REALTIME));
  const Frame type = stream == Stream::Out ? Frame::Stdout : Frame::Stderr;
  for (Client& client : clients_)
    if (client.listens_to(stream)) client.send(type, 0, chunk, size);
}

bool Keeper::held_up() const {
  return (container_.output(Stream::Out) >= 0 && chunk_room(Stream::Out) < kLeastRoom) ||
         (container_.output(Stream::Err) >= 0 && chunk_room(Stream::Err) < kLeastRoom);
}

// Reads what the container has written before it ended.
void Keeper::drain() {
  container_.let_terminal_end();
  for (const Client& client : clients_) client.widen_socket();
  for (Client& client : clients_) client.on_writable();
  const std::int64_t start = bare::clock_ns(CLOCK_MONOTONIC);
  while (container_.has_output()) {
    step(kQuietMs);
    const bool late = bare::clock_ns(CLOCK_MONOTONIC) - start > kPatienceNs;
    if (events_ == 0 && !held_up()) return;
    if (!late) continue;
    if (!held_up()) return;  // Somebody outside the container goes on writing.
    for (Client& client : clients_)
      if (client.used() && client.room() < kLeastRoom) client.on_hangup();
  }
}

void Keeper::tell_exit() {
  for (Client& client : clients_) client.send(Frame::Exit, 0, &exit_, sizeof exit_);
}

void Keeper::finish() {
  if (options_.log_max > 0) log_.finish(bare::clock_ns(CLOCK_REALTIME));
  exit_.oom = had_oom_kill(options_) ? 1 : 0;
  // What is removed next need not survive a power failure.
  write_exit(options_, log_, exit_, options_.cleanup.path == nullptr);
  failpoint("keeper.written");
  // From here on a new client finds the exit file instead of us; those that were quicker are told.
  bare::unlink_at(options_.dir, "ctl");
  for (std::size_t i = 0; i < 2 * kMaxClients && accept_client(); ++i) {
  }
  for (const Client& client : clients_) taken_over_ = taken_over_ || client.takes_over();
  tell_exit();
  bare::close(options_.listen);
  const std::int64_t start = bare::clock_ns(CLOCK_MONOTONIC);
  for (;;) {
    pollfd fds[kMaxClients];
    bool pending = false;
    for (std::size_t i = 0; i < kMaxClients; ++i) {
      fds[i] = {clients_[i].has_pending() ? clients_[i].fd() : -1, POLLOUT, 0};
      pending = pending || clients_[i].has_pending();
    }
    const std::int64_t left = kPatienceNs - (bare::clock_ns(CLOCK_MONOTONIC) - start);
    if (!pending || left <= 0) break;
    bare::poll(fds, kMaxClients, static_cast<long>(left / kMillisecond + 1));
    for (std::size_t i = 0; i < kMaxClients; ++i)
      if (fds[i].revents != 0) clients_[i].on_writable();
  }
  for (Client& client : clients_) client.close(container_);
}

}  // namespace

int keep(const Options& options, char** environment) {
  keep_only_ours(options);  // Before anything else is opened.
  // Static and not on the stack: it is large, and its pages are used only when needed.
  alignas(Keeper) static char memory[sizeof(Keeper)];
  return (new (memory) Keeper(options, environment))->run(environment);
}

}  // namespace tare::keeper
