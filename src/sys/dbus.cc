// SPDX-License-Identifier: Apache-2.0
#include "sys/dbus.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/text.h"

namespace tare::sys::dbus {
namespace {

constexpr std::chrono::seconds kPatience(25);  // As libdbus and sd-bus wait for an answer.

Result<Fd> connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return tare::fail(Kind::Invalid, "the path of the bus is too long: " + quoted(path));
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return fail_errno("make a socket");
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    return fail_errno("connect to the bus at " + path);
  return socket;
}

}  // namespace

Result<Connection> Connection::open(const std::string& path) {
  Connection connection;
  connection.socket_ = TRY(connect_to(path));
  TRY(connection.authenticate(), "log in to the bus at " + path);
  Message hello{.path = "/org/freedesktop/DBus",
                .interface = "org.freedesktop.DBus",
                .member = "Hello",
                .destination = "org.freedesktop.DBus"};
  const Message reply = TRY(connection.call(std::move(hello)), "greet the bus at " + path);
  connection.name_ = Reader(reply.body).text();
  return connection;
}

// EXTERNAL without saying who we are: the kernel tells it, and in a user namespace we do not know
// our number outside.
Result<> Connection::authenticate() {
  const auto deadline = Clock::now() + kPatience;
  TRY(write_all(socket_.get(), std::string_view("\0AUTH EXTERNAL\r\n", 16)));
  std::string line = TRY(receive_line(deadline));
  if (line.starts_with("DATA")) {
    TRY(write_all(socket_.get(), "DATA\r\n"));
    line = TRY(receive_line(deadline));
  }
  if (!line.starts_with("OK ")) return tare::fail(Kind::Denied, "refused: " + quoted(line));
  return write_all(socket_.get(), "BEGIN\r\n");
}

Result<> Connection::receive_some(Clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
  pollfd poll{.fd = socket_.get(), .events = POLLIN, .revents = 0};
  const int ready = ::poll(&poll, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
  if (ready < 0 && errno == EINTR) return {};
  if (ready < 0) return fail_errno("wait for the bus");
  if (ready == 0) return tare::fail(Kind::Unavailable, "the bus does not answer");
  char buffer[4096];
  const ssize_t size = ::read(socket_.get(), buffer, sizeof buffer);
  if (size < 0 && errno != EINTR && errno != EAGAIN) return fail_errno("read from the bus");
  if (size == 0) return tare::fail(Kind::Unavailable, "the bus closed the connection");
  if (size > 0) input_.append(buffer, static_cast<std::size_t>(size));
  return {};
}

Result<std::string> Connection::receive_line(Clock::time_point deadline) {
  constexpr std::size_t kLongestLine = 4096;
  std::size_t end = 0;
  while ((end = input_.find("\r\n")) == std::string::npos) {
    if (input_.size() > kLongestLine) return tare::fail(Kind::Corrupt, "no answer of a bus");
    TRY(receive_some(deadline));
  }
  std::string line = input_.substr(0, end);
  input_.erase(0, end + 2);
  return line;
}

Result<Message> Connection::receive(Clock::time_point deadline) {
  std::size_t size = kFixedSize;
  while (input_.size() < size) {
    TRY(receive_some(deadline));
    if (input_.size() >= kFixedSize) size = TRY(whole_size(input_));
  }
  size = TRY(whole_size(input_));
  while (input_.size() < size) TRY(receive_some(deadline));
  Message message = TRY(decode(std::string_view(input_).substr(0, size)));
  input_.erase(0, size);
  return message;
}

Result<> Connection::send(Message message) {
  message.serial = ++last_serial_;
  return write_all(socket_.get(), encode(message));
}

Result<Message> Connection::call(Message message) {
  const std::string what = message.member;
  TRY(send(std::move(message)), what);
  const std::uint32_t serial = last_serial_;
  const auto deadline = Clock::now() + kPatience;
  for (;;) {
    Message answer = TRY(receive(deadline), what);
    if (answer.reply_to == serial && answer.type == Type::Reply) return answer;
    if (answer.reply_to == serial && answer.type == Type::Failure)
      return tare::fail(
          answer.error.ends_with("AccessDenied") ? Kind::Denied : Kind::Unavailable,
          what + ": " + answer.error +
              (answer.signature.starts_with("s") ? ": " + escaped(Reader(answer.body).text())
                                                 : ""));
    if (answer.type == Type::Signal || answer.type == Type::Call)
      waiting_.push_back(std::move(answer));
  }
}

Result<Message> Connection::next_signal(std::string_view member,
                                        std::chrono::milliseconds patience) {
  const auto deadline = Clock::now() + patience;
  for (;;) {
    if (waiting_.empty()) waiting_.push_back(TRY(receive(deadline)));
    Message message = std::move(waiting_.front());
    waiting_.pop_front();
    if (message.type == Type::Signal && message.member == member) return message;
  }
}

Result<Message> Connection::next_call(std::chrono::milliseconds patience) {
  const auto deadline = Clock::now() + patience;
  for (;;) {
    if (waiting_.empty()) waiting_.push_back(TRY(receive(deadline)));
    Message message = std::move(waiting_.front());
    waiting_.pop_front();
    if (message.type == Type::Call) return message;
  }
}

}  // namespace tare::sys::dbus
