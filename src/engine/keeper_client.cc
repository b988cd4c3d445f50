// SPDX-License-Identifier: Apache-2.0
#include "engine/keeper_client.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "base/text.h"

namespace tare::engine {
namespace {

using keeper::Frame;
using keeper::FrameHeader;

template <typename T>
std::string_view bytes_of(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

Error keeper_gone() {
  return Error(Kind::Unavailable, "the container's keeper has ended the connection");
}

}  // namespace

Result<KeeperClient> KeeperClient::connect(int dir) {
  sys::Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return fail_errno("socket");
  // Through the descriptor: the container's own path may be longer than sun_path.
  const std::string path = "/proc/self/fd/" + std::to_string(dir) + "/ctl";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno == ENOENT || errno == ECONNREFUSED)
      return fail(Kind::NotFound, "the container has no keeper: it is not running");
    return fail_errno("connect to the container's keeper");
  }
  return KeeperClient(std::move(socket));
}

Result<> KeeperClient::attach(std::uint8_t flags) { return send(Frame::Attach, flags, {}); }
Result<> KeeperClient::close_input() { return send(Frame::StdinClose, 0, {}); }
Result<> KeeperClient::detach() { return send(Frame::Detach, 0, {}); }
Result<> KeeperClient::wait_only() { return send(Frame::Wait, 0, {}); }

Result<> KeeperClient::send_input(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, keeper::kMaxPayload);
    TRY(send(Frame::Stdin, 0, piece));
    bytes.remove_prefix(piece.size());
  }
  return {};
}

Result<> KeeperClient::resize(std::uint16_t rows, std::uint16_t columns) {
  return send(Frame::Resize, 0, bytes_of(keeper::ResizePayload{.rows = rows, .columns = columns}));
}

Result<> KeeperClient::signal(std::uint32_t number) {
  return send(Frame::Signal, 0, bytes_of(keeper::SignalPayload{.signal = number}));
}

Result<> KeeperClient::send(Frame type, std::uint8_t flags, std::string_view payload) {
  const FrameHeader header{.type = type,
                           .flags = flags,
                           .reserved = 0,
                           .length = static_cast<std::uint32_t>(payload.size())};
  out_.append(bytes_of(header));
  out_.append(payload);
  return flush();
}

Result<> KeeperClient::flush() {
  std::size_t sent = 0;
  while (sent < out_.size()) {
    const ssize_t rc =
        ::send(socket_.get(), out_.data() + sent, out_.size() - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (rc >= 0) {
      sent += static_cast<std::size_t>(rc);
    } else if (errno == EAGAIN) {
      break;
    } else if (errno == EPIPE || errno == ECONNRESET) {
      // It has ended; what it said before, the exit above all, can still be read.
      sent = out_.size();
    } else if (errno != EINTR) {
      return fail_errno("send to the container's keeper");
    }
  }
  out_.erase(0, sent);
  return {};
}

short KeeperClient::events() const {
  return static_cast<short>(out_.empty() ? POLLIN : POLLIN | POLLOUT);
}

// A whole message out of what was read, if there is one.
Result<std::optional<KeeperClient::Message>> KeeperClient::take_message() {
  FrameHeader header;
  if (in_.size() < sizeof header) return std::nullopt;
  std::memcpy(&header, in_.data(), sizeof header);
  if (header.length > keeper::kMaxPayload)
    return fail(Kind::Corrupt, "the container's keeper sent a frame that is too long");
  if (in_.size() < sizeof header + header.length) return std::nullopt;
  Message message{.type = header.type, .flags = header.flags};
  message.payload = in_.substr(sizeof header, header.length);
  in_.erase(0, sizeof header + header.length);
  if (header.type == Frame::Exit) {
    if (header.length != sizeof message.exit)
      return fail(Kind::Corrupt, "the container's keeper sent an exit that is not one");
    std::memcpy(&message.exit, message.payload.data(), sizeof message.exit);
    message.payload.clear();
  }
  return message;
}

// Reads what is there without waiting. False: nothing was.
Result<bool> KeeperClient::read_more() {
  char buffer[keeper::kMaxPayload];
  const ssize_t got = ::recv(socket_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
  if (got > 0) {
    in_.append(buffer, static_cast<std::size_t>(got));
    return true;
  }
  if (got == 0 || errno == ECONNRESET) return std::unexpected(keeper_gone());
  if (errno == EAGAIN || errno == EINTR) return false;
  return fail_errno("receive from the container's keeper");
}

Result<std::optional<KeeperClient::Message>> KeeperClient::receive(int timeout_ms) {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + std::chrono::milliseconds(timeout_ms);
  for (;;) {
    std::optional<Message> message = TRY(take_message());
    if (message) return message;
    const bool more = TRY(read_more());
    if (more) continue;
    int left = timeout_ms;
    if (timeout_ms > 0) {
      const auto rest =
          std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
      left = static_cast<int>(std::max<std::int64_t>(rest, 0));
    }
    if (left == 0) return std::nullopt;
    pollfd waiting{.fd = socket_.get(), .events = events(), .revents = 0};
    if (::poll(&waiting, 1, left) < 0 && errno != EINTR) return fail_errno("poll");
    TRY(flush());
  }
}

Result<keeper::ExitPayload> KeeperClient::receive_exit() {
  for (;;) {
    const std::optional<Message> message = TRY(receive(-1));
    if (message && message->type == Frame::Exit) return message->exit;
  }
}

Result<> signal_container(int dir, std::uint32_t number) {
  KeeperClient client = TRY(KeeperClient::connect(dir));
  TRY(client.signal(number));
  // The keeper answers nothing when all is well: it obeys in order, so that the end of a
  // conversation that we ended tells us that the signal was sent.
  TRY(client.detach());
  for (;;) {
    const auto message = client.receive(-1);
    if (!message) {
      if (message.error().kind() == Kind::Unavailable) return {};
      return std::unexpected(message.error());
    }
    if (*message && (*message)->type == Frame::Error)
      return fail(Kind::Unavailable,
                  "signal " + std::to_string(number) + ": " + escaped((*message)->payload));
  }
}

}  // namespace tare::engine
