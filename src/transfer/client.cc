// SPDX-License-Identifier: Apache-2.0
#include "transfer/client.h"

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "base/text.h"
#include "sys/rights.h"
#include "transfer/spawn.h"

namespace tare::transfer {
namespace {

constexpr std::size_t kMaxDocument = 4 << 20;

}  // namespace

Result<Client> Client::start(const std::string& program, const Settings& settings) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    return fail_errno("make a pair of sockets");
  Client client;
  client.socket_ = sys::Fd(pair[0]);
  const sys::Fd theirs(pair[1]);
  client.pid_ = TRY(
      spawn({.program = program,
             .variables = {"ssl_cert_file", "ssl_cert_dir", "lang", "lc_all", "path"},
             .descriptors = {theirs.get()},
             .first = kSocket,
             .hint = "registries are spoken to by the program tare-transfer, which belongs beside "
                     "tare"}));
  TRY(client.say(print_settings(settings), -1));
  return client;
}

Client::Client(Client&& other) noexcept
    : socket_(std::move(other.socket_)),
      pid_(std::exchange(other.pid_, -1)),
      endpoints_(other.endpoints_),
      last_id_(other.last_id_),
      heard_(std::move(other.heard_)) {}

Client::~Client() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);  // Our own child, not yet waited for: its number is still its.
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Result<> Client::say(const json::Value& message, int file) {
  const std::string line = json::print(message) + "\n";
  if (line.size() > kMaxMessage) return fail(Kind::Invalid, "a request is too long");
  std::string_view rest = line;
  if (file >= 0) {
    sys::RightsMessage<1> rights(rest.data(), rest.size());
    rights.put(&file, 1);
    ssize_t sent = -1;
    do {
      sent = ::sendmsg(socket_.get(), rights.header(), MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) return fail_errno("speak to the transfer program");
    rest.remove_prefix(static_cast<std::size_t>(sent));
  }
  while (!rest.empty()) {
    const ssize_t sent = ::send(socket_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return fail_errno("speak to the transfer program");
    rest.remove_prefix(static_cast<std::size_t>(sent));
  }
  return {};
}

Result<int> Client::add_endpoint(const Endpoint& endpoint) {
  TRY(say(print_endpoint(endpoint), -1));
  return endpoints_++;
}

Result<std::uint64_t> Client::send(Request request, int file) {
  request.id = ++last_id_;
  request.has_file = file >= 0;
  TRY(say(print_request(request), file));
  return request.id;
}

Result<Event> Client::next() {
  std::array<char, 16384> buffer{};
  for (;;) {
    if (const std::size_t end = line_end(); end != std::string::npos) {
      const std::string line = heard_.substr(0, end);
      heard_.erase(0, end + 1);
      return parse_event(line);
    }
    if (heard_.size() > kMaxMessage)
      return fail(Kind::Internal, "the transfer program says too much at once");
    const ssize_t count = ::read(socket_.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno("listen to the transfer program");
    if (count == 0) return fail(Kind::Unavailable, "the transfer program ended unexpectedly");
    heard_.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

Result<Reply> Client::run(Request request, int file, const Hear& hear) {
  const std::uint64_t id = TRY(send(std::move(request), file));
  for (;;) {
    Event event = TRY(next());
    if (event.id != id) continue;
    if (event.type == Event::Type::Failed) return std::unexpected(std::move(*event.error));
    if (event.type == Event::Type::Done) return std::move(event.reply);
    if (hear) hear(event);
  }
}

Result<Client::Document> Client::fetch(Request request, const Hear& hear) {
  const sys::Fd memory = TRY(sys::make_memfd("tare-answer"));
  if (request.limit == 0) request.limit = kMaxDocument;
  const std::size_t limit = request.limit;
  Document document;
  document.reply = TRY(run(std::move(request), memory.get(), hear));
  if (document.reply.status >= 300) return document;
  if (::lseek(memory.get(), 0, SEEK_SET) != 0) return fail_errno("rewind an answer");
  document.text = TRY(sys::read_all(memory.get(), limit));
  return document;
}

}  // namespace tare::transfer
