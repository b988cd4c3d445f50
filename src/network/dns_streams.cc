// SPDX-License-Identifier: Apache-2.0
#include "network/dns_streams.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace tare::network::dns {
namespace {

constexpr std::size_t kMostConnections = 32;
constexpr std::size_t kMostWaiting = 8;      // Queries of one connection at a time.
constexpr std::size_t kLongestQuery = 4096;  // One name and some options of EDNS.
constexpr std::size_t kMuchOut = 64 << 10;   // Then nothing is read until some of it is gone.
constexpr std::size_t kMostOut = 256 << 10;  // Then it is hung up on.
constexpr std::chrono::seconds kIdleTime(10);

std::size_t message_size(const std::string& in) {
  return static_cast<std::size_t>(static_cast<unsigned char>(in[0])) << 8 |
         static_cast<unsigned char>(in[1]);
}

}  // namespace

Result<std::unique_ptr<Streams>> Streams::start(Loop& loop, sys::Fd listener,
                                                OnMessage on_message) {
  std::unique_ptr<Streams> streams(new Streams(loop, std::move(listener), std::move(on_message)));
  Streams* self = streams.get();
  TRY(loop.add(self->listener_.get(), EPOLLIN, [self](std::uint32_t) { self->accept(); }));
  return streams;
}

Streams::~Streams() {
  for (const std::shared_ptr<Connection>& connection : connections_) {
    loop_.remove(connection->socket_.get());
    connection->streams_ = nullptr;
  }
  loop_.remove(listener_.get());
  loop_.cancel(pause_);
  loop_.cancel(idle_);
}

void Streams::accept() {
  for (int i = 0; i < 16; ++i) {
    sys::Fd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (socket) {
      admit(std::move(socket));
      continue;
    }
    if (errno == EINTR || errno == ECONNABORTED) continue;
    if (errno == EAGAIN) return;
    // No descriptors or no memory: it would be readable again at once.
    (void)loop_.change(listener_.get(), 0);
    pause_ = loop_.after(std::chrono::milliseconds(100),
                         [this] { (void)loop_.change(listener_.get(), EPOLLIN); });
    return;
  }
}

void Streams::admit(sys::Fd socket) {
  if (connections_.size() >= kMostConnections) make_room();
  auto connection = std::make_shared<Connection>();
  connection->streams_ = this;
  connection->socket_ = std::move(socket);
  connection->last_use_ = loop_.now();
  const std::weak_ptr<Connection> weak = connection;
  const auto added =
      loop_.add(connection->socket_.get(), EPOLLIN, [this, weak](std::uint32_t events) {
        if (const auto held = weak.lock()) on_event(held, events);
      });
  if (!added) return;
  connections_.push_back(std::move(connection));
  if (connections_.size() == 1) idle_ = loop_.after(kIdleTime, [this] { close_idle(); });
}

// Who has not said anything for longest goes.
void Streams::make_room() {
  const auto oldest = std::ranges::min_element(
      connections_, {}, [](const auto& connection) { return connection->last_use_; });
  close(**oldest);
}

void Streams::close_idle() {
  for (auto next = connections_.begin(); next != connections_.end();) {
    Connection& connection = **next++;
    if (connection.last_use_ + kIdleTime <= loop_.now()) close(connection);
  }
  idle_ = connections_.empty() ? 0 : loop_.after(kIdleTime / 4, [this] { close_idle(); });
}

void Streams::close(Connection& connection) {
  loop_.remove(connection.socket_.get());
  connection.streams_ = nullptr;
  std::erase_if(connections_, [&](const auto& held) { return held.get() == &connection; });
  if (!connections_.empty()) return;
  loop_.cancel(idle_);
  idle_ = 0;
}

void Streams::on_event(const std::shared_ptr<Connection>& connection, std::uint32_t events) {
  const bool is_broken = (events & (EPOLLHUP | EPOLLERR)) != 0;
  if (is_broken || !write(*connection)) return close(*connection);
  if ((events & EPOLLIN) != 0 && !read(*connection)) return close(*connection);
  take_messages(connection);
  if (connection->streams_ != nullptr) settle(*connection);
}

bool Streams::read(Connection& connection) {
  std::array<char, 16384> buffer;
  const ssize_t got = ::recv(connection.socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  if (got == 0) connection.has_ended_ = true;
  connection.in_.append(buffer.data(), static_cast<std::size_t>(got));
  connection.last_use_ = loop_.now();
  return true;
}

bool Streams::write(Connection& connection) {
  while (!connection.out_.empty()) {
    const ssize_t sent = ::send(connection.socket_.get(), connection.out_.data(),
                                connection.out_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return errno == EAGAIN;
    connection.out_.erase(0, static_cast<std::size_t>(sent));
    connection.last_use_ = loop_.now();
  }
  return true;
}

void Streams::take_messages(const std::shared_ptr<Connection>& connection) {
  Connection& here = *connection;
  while (here.streams_ != nullptr && here.waiting_ < kMostWaiting && here.out_.size() < kMuchOut &&
         here.in_.size() >= 2) {
    const std::size_t size = message_size(here.in_);
    if (size > kLongestQuery) return close(here);
    if (here.in_.size() < 2 + size) return;
    const std::string message = here.in_.substr(2, size);
    here.in_.erase(0, 2 + size);
    ++here.waiting_;
    // Who sends what is no query has lost the place where messages begin.
    if (!on_message_(connection, message)) return close(here);
  }
}

// Sends what there is and waits for what is next; closes it when that is nothing.
void Streams::settle(Connection& connection) {
  if (!write(connection)) return close(connection);
  const bool is_full = connection.waiting_ >= kMostWaiting || connection.out_.size() >= kMuchOut ||
                       connection.in_.size() > 2 * kLongestQuery;
  if (connection.has_ended_ && connection.waiting_ == 0 && connection.out_.empty())
    return close(connection);
  std::uint32_t events = connection.out_.empty() ? 0 : static_cast<std::uint32_t>(EPOLLOUT);
  if (!is_full && !connection.has_ended_) events |= EPOLLIN;
  (void)loop_.change(connection.socket_.get(), events);
}

void Connection::answer(std::string_view message) {
  if (streams_ == nullptr) return;
  if (out_.size() + message.size() > kMostOut) return streams_->close(*this);
  out_ += static_cast<char>(message.size() >> 8);
  out_ += static_cast<char>(message.size());
  out_ += message;
  give_up();
}

void Connection::give_up() {
  if (streams_ == nullptr) return;
  --waiting_;
  // From the loop: whoever answers may be on the way through this connection's messages.
  (void)streams_->loop_.change(socket_.get(), EPOLLOUT);
}

}  // namespace tare::network::dns
