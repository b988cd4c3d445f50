// SPDX-License-Identifier: Apache-2.0
#include "front/transfer/server.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <deque>
#include <list>
#include <memory>
#include <vector>

#include "base/text.h"
#include "front/transfer/job.h"
#include "sys/rights.h"

namespace tare::front_transfer {
namespace {

constexpr std::size_t kMaxFiles = 16;          // In one message.
constexpr std::size_t kMaxUnsaid = 256 << 10;  // Bytes: from here on progress is not told.
constexpr int kLongestWaitMs = 1000;

class Server {
 public:
  explicit Server(int socket) : socket_(socket) {}

  Result<> run();

 private:
  Result<bool> listen();  // False: the end.
  Result<> hear(const std::string& line);
  Result<> begin(transfer::Request request);
  void tell(const transfer::Event& event);
  Result<> speak();
  int wait_ms() const;

  int socket_;
  std::string heard_;
  std::string unsaid_;
  std::deque<sys::Fd> files_;
  std::unique_ptr<Network> network_;
  std::vector<std::unique_ptr<Account>> accounts_;
  std::list<Job> jobs_;
};

Result<bool> Server::listen() {
  std::array<char, 65536> buffer;
  sys::RightsMessage<kMaxFiles> message(buffer.data(), buffer.size());
  const ssize_t count = ::recvmsg(socket_, message.header(), MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (count < 0) return fail_errno("listen");
  int fds[kMaxFiles];
  const std::size_t taken = message.take(fds);
  for (std::size_t i = 0; i < taken; ++i) files_.emplace_back(fds[i]);
  if (count == 0) return false;
  heard_.append(buffer.data(), static_cast<std::size_t>(count));
  for (std::size_t end; (end = heard_.find('\n')) != std::string::npos;) {
    const std::string line = heard_.substr(0, end);
    heard_.erase(0, end + 1);
    TRY(hear(line));
  }
  if (heard_.size() > transfer::kMaxMessage) return fail(Kind::Invalid, "a message is too long");
  return true;
}

Result<> Server::hear(const std::string& line) {
  const json::Value message = TRY(json::parse(line));
  const std::string_view kind = transfer::kind_of(message);
  if (kind == "settings") {
    network_ = TRY(Network::open(transfer::parse_settings(message)));
    return {};
  }
  if (kind == "endpoint") {
    accounts_.push_back(std::make_unique<Account>(transfer::parse_endpoint(message)));
    return {};
  }
  if (kind == "request") return begin(TRY(transfer::parse_request(message)));
  return fail(Kind::Invalid, "an unknown message " + quoted(kind));
}

Result<> Server::begin(transfer::Request request) {
  sys::Fd file;
  if (request.has_file) {
    if (files_.empty()) return fail(Kind::Invalid, "a request came without its file");
    file = std::move(files_.front());
    files_.pop_front();
  }
  if (!network_ || request.endpoint < 0 ||
      static_cast<std::size_t>(request.endpoint) >= accounts_.size())
    return fail(Kind::Invalid, "a request came without settings or endpoint");
  Account& account = *accounts_[static_cast<std::size_t>(request.endpoint)];
  Job& job = jobs_.emplace_back(*network_, account, std::move(request), std::move(file),
                                [this](const transfer::Event& event) { tell(event); });
  job.start();
  return {};
}

// tare may be at work and not listen: then only what matters waits for it.
void Server::tell(const transfer::Event& event) {
  if (event.type == transfer::Event::Type::Progress && unsaid_.size() > kMaxUnsaid) return;
  unsaid_ += json::print(transfer::print_event(event)) + "\n";
}

Result<> Server::speak() {
  while (!unsaid_.empty()) {
    const ssize_t sent =
        ::send(socket_, unsaid_.data(), unsaid_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) return {};
    if (sent < 0) return fail_errno("speak");
    unsaid_.erase(0, static_cast<std::size_t>(sent));
  }
  return {};
}

int Server::wait_ms() const {
  // A full socket is tried again soon; nothing tells when it has room while libcurl waits.
  auto wait = std::chrono::milliseconds(unsaid_.empty() ? kLongestWaitMs : 20);
  const auto now = Clock::now();
  for (const Job& job : jobs_)
    if (const auto due = job.due())
      wait = std::min(wait, std::chrono::ceil<std::chrono::milliseconds>(
                                std::max(Clock::duration::zero(), *due - now)));
  return static_cast<int>(wait.count());
}

Result<> Server::run() {
  for (;;) {
    if (!TRY(listen())) return {};
    const auto now = Clock::now();
    for (Job& job : jobs_)
      if (const auto due = job.due(); due && *due <= now) job.go_on();
    jobs_.remove_if([](const Job& job) { return job.is_over(); });
    TRY(speak());
    if (network_) {
      TRY(network_->run(socket_, wait_ms()));
      continue;
    }
    pollfd poll{.fd = socket_, .events = POLLIN, .revents = 0};
    (void)::poll(&poll, 1, kLongestWaitMs);
  }
}

}  // namespace

Result<> serve(int socket) { return Server(socket).run(); }

}  // namespace tare::front_transfer
