// SPDX-License-Identifier: Apache-2.0
#include "network/forward_datagrams.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace tare::network {
namespace {

constexpr std::size_t kMostBytes = 65536;  // Of a datagram, however large. [RFC 768]
constexpr int kDatagramsPerTurn = 64;
using Control = std::array<char, 128>;

// The control message that makes an answer come from where the question went to.
std::string local_of(const msghdr& message) {
  for (cmsghdr* control = CMSG_FIRSTHDR(&message); control != nullptr;
       control = CMSG_NXTHDR(const_cast<msghdr*>(&message), control)) {
    alignas(cmsghdr) Control bytes{};
    auto* const made = reinterpret_cast<cmsghdr*>(bytes.data());
    made->cmsg_level = control->cmsg_level;
    made->cmsg_type = control->cmsg_type;
    if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
      in_pktinfo info;
      std::memcpy(&info, CMSG_DATA(control), sizeof info);
      const in_pktinfo back{.ipi_ifindex = 0, .ipi_spec_dst = info.ipi_spec_dst, .ipi_addr = {}};
      made->cmsg_len = CMSG_LEN(sizeof back);
      std::memcpy(CMSG_DATA(made), &back, sizeof back);
      return {bytes.data(), CMSG_SPACE(sizeof back)};
    }
    if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info;
      std::memcpy(&info, CMSG_DATA(control), sizeof info);
      // The interface counts where an address means nothing without one.
      if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr)) info.ipi6_ifindex = 0;
      made->cmsg_len = CMSG_LEN(sizeof info);
      std::memcpy(CMSG_DATA(made), &info, sizeof info);
      return {bytes.data(), CMSG_SPACE(sizeof info)};
    }
  }
  return "";
}

}  // namespace

ForwardedDatagrams::ForwardedDatagrams(ForwardShared& shared, sys::Fd socket,
                                       const SocketAddress& target)
    : shared_(shared), socket_(std::move(socket)), target_(target), datagram_(kMostBytes, '\0') {
  ++shared_.descriptors;
}

ForwardedDatagrams::~ForwardedDatagrams() {
  while (!flows_.empty()) remove_first();
  if (timer_ != 0) shared_.loop.cancel(timer_);
  shared_.loop.remove(socket_.get());
  --shared_.descriptors;
}

Result<> ForwardedDatagrams::start() {
  int family = 0;
  socklen_t size = sizeof family;
  const int yes = 1;
  if (::getsockopt(socket_.get(), SOL_SOCKET, SO_DOMAIN, &family, &size) < 0)
    return fail_errno("getsockopt");
  const int done =
      family == AF_INET6
          ? ::setsockopt(socket_.get(), IPPROTO_IPV6, IPV6_RECVPKTINFO, &yes, sizeof yes)
          : ::setsockopt(socket_.get(), IPPROTO_IP, IP_PKTINFO, &yes, sizeof yes);
  if (done < 0) return fail_errno("setsockopt");
  return shared_.loop.add(socket_.get(), EPOLLIN, [this](std::uint32_t) { on_question(); });
}

void ForwardedDatagrams::on_question() {
  for (int i = 0; i < kDatagramsPerTurn; ++i) {
    sockaddr_storage client{};
    alignas(cmsghdr) Control control{};
    iovec bytes{.iov_base = datagram_.data(), .iov_len = datagram_.size()};
    msghdr message{};
    message.msg_name = &client;
    message.msg_namelen = sizeof client;
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t size = ::recvmsg(socket_.get(), &message, MSG_DONTWAIT);
    if (size < 0 && errno == EAGAIN) return;
    if (size < 0) continue;  // Of an answer that nobody took.
    const auto flow = flow_of(message);
    // Lost, as datagrams may be.
    if (flow)
      (void)::send((*flow)->server.get(), datagram_.data(), static_cast<std::size_t>(size),
                   MSG_DONTWAIT | MSG_NOSIGNAL);
  }
}

Result<ForwardedDatagrams::Flows::iterator> ForwardedDatagrams::flow_of(const msghdr& message) {
  std::string key(static_cast<const char*>(message.msg_name), message.msg_namelen);
  key += local_of(message);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return add_flow(message, std::move(key));
  touch(found->second);
  return found->second;
}

Result<ForwardedDatagrams::Flows::iterator> ForwardedDatagrams::add_flow(const msghdr& message,
                                                                         std::string key) {
  if (flows_.size() >= shared_.limits.flows_per_port) remove_first();
  if (shared_.descriptors >= shared_.limits.descriptors) {
    if (flows_.empty()) return fail(Kind::Unavailable, "too many descriptors");
    remove_first();
  }
  sys::Fd server =
      TRY(shared_.make_socket(target_.get()->sa_family, SOCK_DGRAM,
                              address_of(*static_cast<const sockaddr_storage*>(message.msg_name))));
  if (::connect(server.get(), target_.get(), target_.size()) < 0) return fail_errno("connect");
  TRY(shared_.loop.add(server.get(), EPOLLIN, [this, key](std::uint32_t) { on_answer(key); }));
  ++shared_.descriptors;
  Flow flow{.key = key,
            .client = {},
            .local = local_of(message),
            .server = std::move(server),
            .last = shared_.loop.now()};
  flow.client_size = std::min<socklen_t>(message.msg_namelen, sizeof flow.client);
  std::memcpy(&flow.client, message.msg_name, flow.client_size);
  const auto added = flows_.insert(flows_.end(), std::move(flow));
  by_key_.emplace(std::move(key), added);
  if (timer_ == 0) timer_ = shared_.loop.after(shared_.limits.udp_idle, [this] { expire(); });
  return added;
}

void ForwardedDatagrams::on_answer(const std::string& key) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return;
  Flow& flow = *found->second;
  for (int i = 0; i < kDatagramsPerTurn; ++i) {
    const ssize_t size =
        ::recv(flow.server.get(), datagram_.data(), datagram_.size(), MSG_DONTWAIT);
    if (size < 0 && errno == EAGAIN) break;
    if (size < 0) continue;  // The container says that nobody listens; it may later.
    iovec bytes{.iov_base = datagram_.data(), .iov_len = static_cast<std::size_t>(size)};
    msghdr message{};
    message.msg_name = &flow.client;
    message.msg_namelen = flow.client_size;
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    message.msg_control = flow.local.empty() ? nullptr : flow.local.data();
    message.msg_controllen = flow.local.size();
    (void)::sendmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  }
  touch(found->second);
}

void ForwardedDatagrams::touch(Flows::iterator flow) {
  flow->last = shared_.loop.now();
  flows_.splice(flows_.end(), flows_, flow);
}

void ForwardedDatagrams::remove_first() {
  Flow& flow = flows_.front();
  shared_.loop.remove(flow.server.get());
  by_key_.erase(flow.key);
  flows_.pop_front();
  --shared_.descriptors;
}

void ForwardedDatagrams::expire() {
  timer_ = 0;
  const auto idle = shared_.limits.udp_idle;
  const auto now = Loop::Clock::now();
  while (!flows_.empty() && now - flows_.front().last >= idle) remove_first();
  if (flows_.empty()) return;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(flows_.front().last + idle - now);
  timer_ = shared_.loop.after(left, [this] { expire(); });
}

}  // namespace tare::network
