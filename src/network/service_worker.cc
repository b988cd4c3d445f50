// SPDX-License-Identifier: Apache-2.0
#include "network/service_worker.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <vector>

#include "network/service.h"
#include "network/service_log.h"
#include "network/service_message.h"
#include "sys/files.h"
#include "sys/rights.h"

namespace tare::network {
namespace {

constexpr std::chrono::milliseconds kIdleTime(1000);
constexpr std::chrono::milliseconds kBusyTime(1000);
constexpr std::chrono::milliseconds kSoon(10);

// Its socket is in a directory of ours alone; this holds even if that is opened to others.
bool is_ours(int connection) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  return ::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0 &&
         (credentials.uid == ::geteuid() || credentials.uid == 0);
}

}  // namespace

ServiceWorker::ServiceWorker(Loop& loop, ServiceParts& parts, std::string store, sys::Fd listener)
    : loop_(loop),
      parts_(parts),
      store_(std::move(store)),
      listener_(std::move(listener)),
      containers_(loop, parts, store_, [this] { on_change(); }) {}

ServiceWorker::~ServiceWorker() {
  while (!connections_.empty()) close(connections_.begin()->first);
  if (listener_) loop_.remove(listener_.get());
  loop_.cancel(idle_);
}

Result<> ServiceWorker::start() {
  const int flags = ::fcntl(listener_.get(), F_GETFL);
  if (flags < 0 || ::fcntl(listener_.get(), F_SETFL, flags | O_NONBLOCK) != 0)
    return fail_errno("prepare the service's socket");
  TRY(loop_.add(listener_.get(), EPOLLIN, [this](std::uint32_t) { accept_all(); }));
  TRY(containers_.load(), "read the records of networks");
  // What is in the queue first: that is not missing.
  accept_all();
  containers_.restore();
  on_change();
  return {};
}

// Also reads what has come with each.
void ServiceWorker::accept_all() {
  for (;;) {
    sys::Fd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!connection && (errno == EINTR || errno == ECONNABORTED)) continue;
    if (!connection) return;
    if (!is_ours(connection.get())) continue;
    const int number = connection.get();
    const auto on_event = [this, number](std::uint32_t) {
      while (read_message(number)) {
      }
    };
    if (!loop_.add(number, EPOLLIN, on_event)) continue;
    connections_[number] = std::move(connection);
    on_event(0);
  }
}

void ServiceWorker::close(int connection) {
  loop_.remove(connection);
  connections_.erase(connection);
}

bool ServiceWorker::read_message(int connection) {
  std::array<char, 16384> bytes;
  sys::RightsMessage<kMostDescriptors> rights(bytes.data(), bytes.size());
  const ssize_t size = ::recvmsg(connection, rights.header(), MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return errno == EINTR;
  if (size <= 0) {
    close(connection);
    return false;
  }
  std::array<int, kMostDescriptors> numbers{};
  const std::size_t count = rights.take(numbers.data());
  std::vector<sys::Fd> descriptors;
  for (std::size_t i = 0; i < count; ++i) descriptors.emplace_back(numbers[i]);
  ++messages_;
  Result<> obeyed =
      rights.is_cut() || (rights.header()->msg_flags & MSG_TRUNC) != 0
          ? Result<>(fail(Kind::Invalid, "a message is too long, or no descriptors are left"))
          : obey({bytes.data(), static_cast<std::size_t>(size)}, std::move(descriptors));
  if (!obeyed) log(std::move(obeyed).error().wrap("take what a start hands over"));
  return true;
}

Result<> ServiceWorker::obey(const std::string& text, std::vector<sys::Fd> descriptors) {
  const ServiceMessage message = TRY(parse_message(text));
  if (message.type == ServiceMessage::Type::Endpoint) {
    TRY(containers_.take(message, std::move(descriptors)));
    if (message.has_resolver) return {};
  } else {
    TRY(containers_.load());
  }
  // Who was on no network until now has no resolver yet.
  containers_.restore_resolvers();
  return {};
}

void ServiceWorker::on_change() {
  if (containers_.running() > 0) {
    loop_.cancel(idle_);
    idle_ = 0;
  } else if (idle_ == 0) {
    const auto patience = parts_.ends_at_once() ? std::chrono::milliseconds(0) : kIdleTime;
    idle_ = loop_.after(patience, [this] { end_if_idle(); });
  }
}

void ServiceWorker::end_if_idle() {
  idle_ = 0;
  const Result<bool> ends = try_to_end();
  if (!ends) log(ends.error());
  // A store that is not there any more cannot hand anything over.
  const bool is_lost = !ends && ends.error().kind() == Kind::NotFound;
  if (is_lost || (ends && *ends)) return loop_.stop();
  const auto again = parts_.ends_at_once() ? kSoon : kBusyTime;
  if (containers_.running() == 0) idle_ = loop_.after(again, [this] { end_if_idle(); });
}

// Under the lock of those who hand over: what they have said is in our queue, and who comes later
// finds no socket and starts the next service.
Result<bool> ServiceWorker::try_to_end() {
  const sys::Fd store = TRY(sys::open_path(store_, O_RDONLY | O_DIRECTORY));
  const sys::Fd lock = TRY(sys::open_at(store.get(), service_lock_path(), O_RDWR | O_CREAT, 0600));
  auto locked = sys::lock_file(lock.get(), sys::Lock::Exclusive, sys::Wait::No);
  if (!locked && locked.error().kind() == Kind::Busy) return false;
  TRY(std::move(locked));
  const std::size_t before = messages_;
  accept_all();
  // Who is connected is about to hand something over.
  if (messages_ != before || !connections_.empty()) return false;
  TRY(containers_.load());
  if (containers_.running() > 0) return false;
  ::unlinkat(store.get(), service_socket_path().c_str(), 0);
  loop_.remove(listener_.get());
  listener_.reset();
  parts_.on_end();
  return true;
}

}  // namespace tare::network
