// SPDX-License-Identifier: Apache-2.0
#include "network/dns_upstream.h"

#include <sys/random.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace tare::network::dns {
namespace {

constexpr std::chrono::seconds kSlowTime(10);
constexpr std::size_t kMostSlow = 256;

std::uint16_t random_id() {
  std::uint16_t id = 0;
  // Never short for so few bytes, and never blocks once the machine is up. [getrandom(2)]
  if (::getrandom(&id, sizeof id, 0) != sizeof id) std::abort();
  return id;
}

Result<sys::Fd> connect_to(const Server& server, int type) {
  socklen_t size = 0;
  const sockaddr_storage address = server.socket_address(size);
  sys::Fd socket(::socket(address.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return fail_errno("make a socket for a name server");
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0 &&
      errno != EINPROGRESS)
    return fail_errno("connect to the name server " + server.address.text());
  return socket;
}

bool is_same_question(const Question& a, const Question& b) {
  return a.type == b.type && a.net_class == b.net_class && a.name.text() == b.name.text();
}

// Another server may know better. [res_send of the C library does the same]
bool is_failure(unsigned code) {
  return code == static_cast<unsigned>(Code::ServerFailure) ||
         code == static_cast<unsigned>(Code::NotImplemented) ||
         code == static_cast<unsigned>(Code::Refused);
}

}  // namespace

Upstream::~Upstream() {
  while (!pending_.empty()) take(pending_.begin()->first);
}

std::unique_ptr<Upstream::Pending> Upstream::take(Serial serial) {
  const auto found = pending_.find(serial);
  if (found == pending_.end()) return nullptr;
  std::unique_ptr<Pending> pending = std::move(found->second);
  pending_.erase(found);
  const auto owner = of_owner_.find(pending->owner);
  owner->second.erase(serial);
  if (owner->second.empty()) of_owner_.erase(owner);
  hang_up(*pending);
  loop_.cancel(pending->timer);
  return pending;
}

void Upstream::finish(Serial serial, Result<Answer> answer) {
  if (const std::unique_ptr<Pending> pending = take(serial)) pending->done(std::move(answer));
}

void Upstream::forget(const std::string& owner) {
  for (auto found = of_owner_.find(owner); found != of_owner_.end(); found = of_owner_.find(owner))
    take(*found->second.begin());
}

void Upstream::hang_up(Pending& pending) {
  if (pending.socket) loop_.remove(pending.socket.get());
  pending.socket.reset();
  pending.in.clear();
  pending.is_streaming = false;
}

// Whether `owner` may ask one more. When all together are too many, who has most gives way.
bool Upstream::make_room(const std::string& owner) {
  const auto own = of_owner_.find(owner);
  const std::size_t count = own == of_owner_.end() ? 0 : own->second.size();
  if (count >= limits_.of_owner) return false;
  if (pending_.size() < limits_.of_all) return true;
  const auto most = std::ranges::max_element(of_owner_, {},
                                             [](const auto& entry) { return entry.second.size(); });
  if (most == of_owner_.end() || most->second.size() <= count + 1) return false;
  const Serial oldest = *most->second.begin();
  finish(oldest, fail(Kind::Busy, "there are too many questions to name servers"));
  return true;
}

std::vector<Server> Upstream::in_order(const std::vector<Server>& servers) const {
  std::vector<Server> ordered = servers;
  std::ranges::stable_partition(ordered, [&](const Server& server) {
    const auto slow = slow_.find(server);
    return slow == slow_.end() || slow->second <= loop_.now();
  });
  return ordered;
}

Result<> Upstream::ask(const std::string& owner, const Query& query,
                       const std::vector<Server>& servers, bool by_stream, Done done) {
  if (servers.empty()) return fail(Kind::Unavailable, "there is no name server to ask");
  if (!make_room(owner)) return fail(Kind::Busy, "there are too many questions to name servers");
  auto pending = std::make_unique<Pending>();
  pending->owner = owner;
  pending->query = query;
  pending->servers = in_order(servers);
  // Twice each: a datagram may get lost.
  pending->servers.insert(pending->servers.end(), servers.begin(), servers.end());
  pending->by_stream = by_stream;
  pending->end = loop_.now() + limits_.all_patience;
  pending->done = std::move(done);
  const Serial serial = ++last_serial_;
  pending_[serial] = std::move(pending);
  of_owner_[owner].insert(serial);
  ask_first(serial);
  return {};
}

void Upstream::ask_first(Serial serial) {
  Pending& pending = *pending_.at(serial);
  hang_up(pending);
  const Result<> sent = send_datagram(serial, pending);
  // From the loop and not from here: the caller of ask() is not called back before it returns.
  wait_for(serial, pending, sent ? limits_.datagram_patience : std::chrono::milliseconds(0));
}

void Upstream::ask_next(Serial serial) {
  Pending& pending = *pending_.at(serial);
  pending.servers.erase(pending.servers.begin());
  if (pending.servers.empty() || pending.end <= Loop::Clock::now())
    return finish(serial, std::move(pending.best));
  ask_first(serial);
}

void Upstream::wait_for(Serial serial, Pending& pending, std::chrono::milliseconds patience) {
  loop_.cancel(pending.timer);
  pending.timer = loop_.after(patience, [this, serial] { on_time(serial); });
}

void Upstream::on_time(Serial serial) {
  const Pending& pending = *pending_.at(serial);
  if (slow_.size() >= kMostSlow) slow_.clear();
  slow_[pending.servers.front()] = loop_.now() + kSlowTime;
  ask_next(serial);
}

Result<> Upstream::send_datagram(Serial serial, Pending& pending) {
  pending.id = random_id();
  pending.socket = TRY(connect_to(pending.servers.front(), SOCK_DGRAM));
  const std::string message = print_query(pending.query, pending.id);
  if (::send(pending.socket.get(), message.data(), message.size(), MSG_NOSIGNAL) < 0)
    return fail_errno("ask a name server");
  return loop_.add(pending.socket.get(), EPOLLIN,
                   [this, serial](std::uint32_t) { on_datagram(serial); });
}

void Upstream::on_datagram(Serial serial) {
  Pending& pending = *pending_.at(serial);
  static std::array<char, kMostBytes> buffer;  // One thread; too much for its stack.
  const ssize_t size = ::recv(pending.socket.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size < 0) return on_time(serial);  // Nobody listens there.
  on_answer(serial, std::string(buffer.data(), static_cast<std::size_t>(size)));
}

void Upstream::on_answer(Serial serial, std::string message) {
  Pending& pending = *pending_.at(serial);
  auto reply = parse_reply(message);
  // What is not the answer is no reason to stop waiting for it.
  if (!reply || reply->id != pending.id ||
      !is_same_question(reply->question, pending.query.question))
    return;
  slow_.erase(pending.servers.front());
  if (reply->is_truncated && pending.by_stream && !pending.is_streaming) {
    hang_up(pending);
    const Result<> started = start_stream(serial, pending);
    return wait_for(serial, pending,
                    started ? limits_.stream_patience : std::chrono::milliseconds(0));
  }
  const bool failed = is_failure(reply->code);
  Answer answer{.message = std::move(message), .reply = *std::move(reply)};
  if (!failed) return finish(serial, std::move(answer));
  pending.best = std::move(answer);
  ask_next(serial);
}

Result<> Upstream::start_stream(Serial serial, Pending& pending) {
  pending.is_streaming = true;
  pending.socket = TRY(connect_to(pending.servers.front(), SOCK_STREAM));
  const std::string message = print_query(pending.query, pending.id);
  pending.out = {static_cast<char>(message.size() >> 8), static_cast<char>(message.size())};
  pending.out += message;
  return loop_.add(pending.socket.get(), EPOLLOUT,
                   [this, serial](std::uint32_t events) { on_stream(serial, events); });
}

void Upstream::on_stream(Serial serial, std::uint32_t events) {
  Pending& pending = *pending_.at(serial);
  const Result<bool> whole = move_stream(pending, events);
  if (!whole) return on_time(serial);
  if (!*whole) return;
  std::string message = pending.in.substr(2);
  loop_.remove(pending.socket.get());
  on_answer(serial, std::move(message));
}

// Sends what is left and reads what there is. True when the answer is whole.
Result<bool> Upstream::move_stream(Pending& pending, std::uint32_t events) {
  const int socket = pending.socket.get();
  if (!pending.out.empty()) {
    const ssize_t sent = ::send(socket, pending.out.data(), pending.out.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) return fail_errno("ask a name server");
    if (sent > 0) pending.out.erase(0, static_cast<std::size_t>(sent));
    if (pending.out.empty()) TRY(loop_.change(socket, EPOLLIN));
  }
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) return false;
  std::array<char, 8192> buffer;
  const auto size_of = [&] {
    return 2U + (static_cast<unsigned char>(pending.in[0]) << 8U |
                 static_cast<unsigned char>(pending.in[1]));
  };
  const std::size_t wanted = pending.in.size() < 2 ? 2 : size_of();
  const ssize_t got = ::recv(socket, buffer.data(),
                             std::min(buffer.size(), wanted - pending.in.size()), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (got < 0) return fail_errno("read from a name server");
  if (got == 0) return fail(Kind::Unavailable, "the name server hung up");
  pending.in.append(buffer.data(), static_cast<std::size_t>(got));
  return pending.in.size() >= 2 && pending.in.size() == size_of();
}

}  // namespace tare::network::dns
