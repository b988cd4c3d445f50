// SPDX-License-Identifier: Apache-2.0
#include "network/forward_streams.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace tare::network {
namespace {

constexpr std::size_t kDescriptors = 6;  // Two sockets, two pipes.
constexpr int kAcceptsPerTurn = 64;
// So that one connection that always has something to say leaves others their turn.
constexpr int kRoundsPerTurn = 8;
constexpr std::size_t kMostBytes = 1 << 20;  // The pipe takes what it can.
// Larger pipes mean fewer calls; where the user may have no more the kernel's size has to do.
constexpr int kPipeBytes = 256 << 10;
constexpr std::chrono::milliseconds kPause{100};

Result<sys::Pipe> make_pipe() {
  sys::Pipe pipe = TRY(sys::make_pipe());
  (void)::fcntl(pipe.write.get(), F_SETPIPE_SZ, kPipeBytes);
  return pipe;
}

// What comes from a terminal or in small answers is not to wait; who is gone is to be noticed.
void set_options(const sys::Fd& socket) {
  const int yes = 1;
  (void)::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  (void)::setsockopt(socket.get(), SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes);
}

// Its close then tells the other end that this was no orderly end.
void break_off(const sys::Fd& socket) {
  const linger now{.l_onoff = 1, .l_linger = 0};
  if (socket) (void)::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

// Bytes; -1: not now; errors are those of the connection.
Result<ssize_t> splice_some(int from, int to, std::size_t most) {
  for (;;) {
    const ssize_t size =
        ::splice(from, nullptr, to, nullptr, most, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (size >= 0) return size;
    if (errno == EAGAIN) return -1;
    if (errno != EINTR) return fail_errno("splice");
  }
}

}  // namespace

ForwardedStreams::ForwardedStreams(ForwardShared& shared, sys::Fd listening,
                                   const SocketAddress& target)
    : shared_(shared), listening_(std::move(listening)), target_(target) {
  ++shared_.descriptors;
}

ForwardedStreams::~ForwardedStreams() {
  while (!connections_.empty()) end(connections_.begin()->first, true);
  if (pause_ != 0) shared_.loop.cancel(pause_);
  shared_.loop.remove(listening_.get());
  --shared_.descriptors;
}

Result<> ForwardedStreams::start() {
  TRY(shared_.loop.add(listening_.get(), EPOLLIN, [this](std::uint32_t) { on_acceptable(); }));
  is_listening_ = true;
  return {};
}

// Who comes meanwhile waits in the backlog.
void ForwardedStreams::pause(std::chrono::milliseconds time) {
  if (!is_listening_) return;
  shared_.loop.remove(listening_.get());
  is_listening_ = false;
  pause_ = shared_.loop.after(time, [this] { resume(); });
}

void ForwardedStreams::resume() {
  if (is_listening_) return;
  shared_.loop.cancel(pause_);
  pause_ = 0;
  // Without memory for it: later.
  if (!start()) pause_ = shared_.loop.after(kPause, [this] { resume(); });
}

void ForwardedStreams::on_acceptable() {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    if (connections_.size() >= shared_.limits.connections_per_port ||
        shared_.descriptors + kDescriptors > shared_.limits.descriptors)
      return pause(kPause);
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    sys::Fd client(::accept4(listening_.get(), reinterpret_cast<sockaddr*>(&peer), &size,
                             SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (client) {
      accept_one(std::move(client), address_of(peer));
      continue;
    }
    if (errno == EAGAIN) return;
    // Out of descriptors or memory; anything else is of the connection that was to come.
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
      return pause(kPause);
  }
}

void ForwardedStreams::accept_one(sys::Fd client, const Address& peer) {
  const Id id = ++last_id_;
  auto& connection = *connections_.emplace(id, std::make_unique<Connection>()).first->second;
  shared_.descriptors += kDescriptors;
  connection.client.socket = std::move(client);
  if (!begin(id, connection, peer)) end(id, true);
}

Result<> ForwardedStreams::begin(Id id, Connection& connection, const Address& peer) {
  connection.server.socket = TRY(shared_.make_socket(target_.get()->sa_family, SOCK_STREAM, peer));
  set_options(connection.client.socket);
  set_options(connection.server.socket);
  connection.up.pipe = TRY(make_pipe());
  connection.down.pipe = TRY(make_pipe());
  const int done = ::connect(connection.server.socket.get(), target_.get(), target_.size());
  if (done < 0 && errno != EINPROGRESS) return fail_errno("connect");
  TRY(await(id, connection.server, EPOLLOUT));
  connection.patience =
      shared_.loop.after(shared_.limits.connect_patience, [this, id] { end(id, true); });
  return {};
}

Result<> ForwardedStreams::await(Id id, End& end, std::uint32_t events) {
  if (end.events == events) return {};
  const int socket = end.socket.get();
  // Not with no events: a hang-up would be told of again and again.
  if (events == 0)
    shared_.loop.remove(socket);
  else if (end.events == 0)
    TRY(shared_.loop.add(socket, events, [this, id](std::uint32_t) { on_event(id); }));
  else
    TRY(shared_.loop.change(socket, events));
  end.events = events;
  return {};
}

void ForwardedStreams::on_event(Id id) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  const auto is_going_on = go_on(id, *found->second);
  if (!is_going_on || !*is_going_on) end(id, !is_going_on);
}

Result<> ForwardedStreams::check_connected(Connection& connection) {
  if (connection.is_connected) return {};
  int error = 0;
  socklen_t size = sizeof error;
  const int server = connection.server.socket.get();
  if (::getsockopt(server, SOL_SOCKET, SO_ERROR, &error, &size) < 0) error = errno;
  if (error != 0) return std::unexpected(Error::sys(error, "connect"));
  connection.is_connected = true;
  shared_.loop.cancel(std::exchange(connection.patience, 0));
  return {};
}

Result<> ForwardedStreams::Direction::pump(int from, int to) {
  for (int round = 0; round < kRoundsPerTurn && !is_over(); ++round) {
    if (held == 0) {
      const ssize_t size = TRY(splice_some(from, pipe.write.get(), kMostBytes));
      if (size < 0) return {};
      is_ended = size == 0;
      held = static_cast<std::size_t>(size);
    }
    while (held > 0) {
      const ssize_t size = TRY(splice_some(pipe.read.get(), to, held));
      if (size < 0) return {};
      held -= std::min(held, static_cast<std::size_t>(size));
    }
    // Half of it: the other direction may go on for long.
    if (is_ended && ::shutdown(to, SHUT_WR) < 0) return fail_errno("shutdown");
  }
  return {};
}

// False: both sides have said all.
Result<bool> ForwardedStreams::go_on(Id id, Connection& connection) {
  TRY(check_connected(connection));
  Direction& up = connection.up;
  Direction& down = connection.down;
  TRY(up.pump(connection.client.socket.get(), connection.server.socket.get()));
  TRY(down.pump(connection.server.socket.get(), connection.client.socket.get()));
  if (up.is_over() && down.is_over()) return false;
  const auto wanted = [](const Direction& from, const Direction& to) -> std::uint32_t {
    return (from.wants_more() ? EPOLLIN : 0U) | (to.held > 0 ? EPOLLOUT : 0U);
  };
  TRY(await(id, connection.client, wanted(up, down)));
  TRY(await(id, connection.server, wanted(down, up)));
  return true;
}

void ForwardedStreams::end(Id id, bool is_broken) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  Connection& connection = *found->second;
  if (connection.patience != 0) shared_.loop.cancel(connection.patience);
  for (const End* const side : {&connection.client, &connection.server}) {
    if (side->events != 0) shared_.loop.remove(side->socket.get());
    if (is_broken) break_off(side->socket);
  }
  connections_.erase(found);
  shared_.descriptors -= kDescriptors;
  if (!is_listening_ && connections_.size() < shared_.limits.connections_per_port && pause_ != 0)
    resume();
}

}  // namespace tare::network
