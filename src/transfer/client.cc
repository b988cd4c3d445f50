// SPDX-License-Identifier: Apache-2.0
#include "transfer/client.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "base/text.h"
#include "sys/rights.h"

extern char** environ;

namespace tare::transfer {
namespace {

constexpr std::size_t kMaxDocument = 4 << 20;

// What the program may know of our environment.
bool is_passed_on(std::string_view variable) {
  const std::string name = lower(variable.substr(0, variable.find('=')));
  for (const std::string_view known : {"ssl_cert_file", "ssl_cert_dir", "lang", "lc_all", "path"})
    if (name == known) return true;
  return false;
}

std::unexpected<Error> cannot_start(int errnum, const std::string& program) {
  Error error = Error::sys(errnum, "start " + quoted(program));
  if (errnum != ENOENT) return std::unexpected(std::move(error));
  return std::unexpected(std::move(error).hint(
      "registries are spoken to by the program tare-transfer, which belongs beside tare"));
}

// posix_spawn: our memory is shared until the program runs, so nothing of it is copied.
Result<int> spawn(const std::string& program, int socket) {
  std::vector<char*> variables;
  for (char** variable = environ; *variable != nullptr; ++variable)
    if (is_passed_on(*variable)) variables.push_back(*variable);
  variables.push_back(nullptr);
  std::string name = "tare-transfer";
  char* const words[] = {name.data(), nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  if (const int error = ::posix_spawn_file_actions_init(&actions); error != 0)
    return std::unexpected(Error::sys(error, "posix_spawn"));
  if (const int error = ::posix_spawnattr_init(&attributes); error != 0) {
    ::posix_spawn_file_actions_destroy(&actions);
    return std::unexpected(Error::sys(error, "posix_spawn"));
  }
  // A group of its own: an interrupt from the terminal is ours to act on.
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  ::posix_spawn_file_actions_adddup2(&actions, socket, kSocket);
  int pid = -1;
  const int error =
      ::posix_spawn(&pid, program.c_str(), &actions, &attributes, words, variables.data());
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return cannot_start(error, program);
  return pid;
}

}  // namespace

Result<Client> Client::start(const std::string& program, const Settings& settings) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    return fail_errno("make a pair of sockets");
  Client client;
  client.socket_ = sys::Fd(pair[0]);
  sys::Fd theirs(pair[1]);
  if (theirs.get() == kSocket) {
    // Spawning would leave it close-on-exec.
    const int moved = ::fcntl(theirs.get(), F_DUPFD_CLOEXEC, kSocket + 1);
    if (moved < 0) return fail_errno("duplicate a descriptor");
    theirs = sys::Fd(moved);
  }
  client.pid_ = TRY(spawn(program, theirs.get()));
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
