// SPDX-License-Identifier: Apache-2.0
#include "network/port_sockets.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>

#include "base/text.h"
#include "network/port_owner.h"
#include "network/socket_address.h"
#include "sys/files.h"

namespace tare::network {
namespace {

constexpr int kBacklog = 4096;
constexpr std::uint16_t kFirstPort = 32768;  // What Linux has when nobody sets another range.
constexpr std::uint16_t kLastPort = 60999;

std::string text_of(const PublishedPort& port) {
  const std::string host = port.host.is_v6 ? "[" + port.host.text() + "]" : port.host.text();
  return host + ":" + std::to_string(port.host_port) + "/" +
         std::string(protocol_text(port.protocol));
}

Result<> set_option(const sys::Fd& socket, int level, int option, int value) {
  if (::setsockopt(socket.get(), level, option, &value, sizeof value) < 0)
    return fail_errno("setsockopt");
  return {};
}

// Empty when there is no such protocol.
Result<sys::Fd> make_socket(const PublishedPort& port) {
  const bool is_stream = port.protocol != Protocol::Udp;
  const int type = (is_stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK;
  sys::Fd socket(
      ::socket(port.host.family(), type, port.protocol == Protocol::Sctp ? IPPROTO_SCTP : 0));
  if (!socket && port.protocol == Protocol::Sctp) return sys::Fd();
  if (!socket) return fail_errno("socket");
  if (port.host.is_v6) TRY(set_option(socket, IPPROTO_IPV6, IPV6_V6ONLY, 1));
  // Of stream sockets it only means that TIME_WAIT does not count; of datagrams it would share.
  if (is_stream) TRY(set_option(socket, SOL_SOCKET, SO_REUSEADDR, 1));
  return socket;
}

Error explain(int errnum, const PublishedPort& port) {
  const std::string what = "port " + text_of(port);
  if (errnum == EADDRINUSE)
    return Error(Kind::Exists, what + " is taken already" + port_owner(port))
        .hint("choose another port of the host, or leave it out to get one that is free");
  if (errnum == EADDRNOTAVAIL)
    return Error(Kind::NotFound, quoted(port.host.text()) + " is not an address of this host")
        .hint("see: ip address");
  if (errnum == EACCES)
    return Error(Kind::Denied, what + " is for root only")
        .hint("choose one from 1024 on, or lower net.ipv4.ip_unprivileged_port_start");
  return Error::sys(errnum, "take " + what);
}

// 0, or errno.
int bind_to(const sys::Fd& socket, const PublishedPort& port) {
  const SocketAddress address(port.host, port.host_port);
  return ::bind(socket.get(), address.get(), address.size()) < 0 ? errno : 0;
}

// Only listening makes the kernel look at sockets that are bound with SO_REUSEADDR, too. Whoever
// has listened and does so no more is bound still, and without the option nobody else can be: not
// those either that have it.
int listen_or_hold(const sys::Fd& socket, bool is_listening) {
  if (::listen(socket.get(), kBacklog) < 0) return errno;
  if (is_listening) return 0;
  const int no = 0;
  if (::shutdown(socket.get(), SHUT_RDWR) < 0) return errno;
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &no, sizeof no) < 0) return errno;
  return 0;
}

struct Range {
  std::uint32_t first = kFirstPort;
  std::uint32_t last = kLastPort;
};
Range local_port_range() {
  Range range;
  const auto text = sys::load_file(AT_FDCWD, "/proc/sys/net/ipv4/ip_local_port_range");
  if (!text) return range;
  const auto parts = split_once(trim(*text), '\t');
  if (!parts) return range;
  const auto first = parse_u64(parts->first);
  const auto last = parse_u64(trim(parts->second));
  if (!first || !last || *first == 0 || *first > *last || *last > 65535) return range;
  return {.first = static_cast<std::uint32_t>(*first), .last = static_cast<std::uint32_t>(*last)};
}

std::uint32_t random_number() {
  std::uint32_t number = 0;
  // Which port it is, is no secret; that two rarely try the same saves them time.
  if (::getrandom(&number, sizeof number, 0) != sizeof number) return 0;
  return number;
}

// Whether it is free; it is not taken.
Result<bool> is_free(const PublishedPort& port) {
  const sys::Fd socket = TRY(make_socket(port));
  if (!socket) return true;
  int error = bind_to(socket, port);
  if (error == 0 && port.protocol != Protocol::Udp) error = listen_or_hold(socket, true);
  if (error == 0) return true;
  if (error == EADDRINUSE) return false;
  return std::unexpected(explain(error, port));
}

}  // namespace

bool is_forwarded(const PublishedPort& port, const Publication& publication) {
  if (port.host.is_loopback() || port.host.is_any()) return true;
  return !(port.host.is_v6 ? publication.v6 : publication.v4).has_value();
}

std::optional<Address> forward_target(const PublishedPort& port, const Publication& publication) {
  const auto& same = port.host.is_v6 ? publication.v6 : publication.v4;
  return same ? same : (port.host.is_v6 ? publication.v4 : publication.v6);
}

Result<sys::Fd> open_port_socket(const PublishedPort& port, bool is_forwarded) {
  sys::Fd socket = TRY(make_socket(port), "take port " + text_of(port));
  if (!socket) return socket;
  int error = bind_to(socket, port);
  if (error == 0 && port.protocol != Protocol::Udp) error = listen_or_hold(socket, is_forwarded);
  if (error != 0) return std::unexpected(explain(error, port));
  return socket;
}

Result<std::uint16_t> pick_port(const std::vector<Address>& hosts, Protocol protocol) {
  const Range range = local_port_range();
  const std::uint32_t count = range.last - range.first + 1;
  const std::uint32_t start = random_number() % count;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto number = static_cast<std::uint16_t>(range.first + (start + i) % count);
    bool is_everywhere = true;
    for (const Address& host : hosts) {
      is_everywhere = TRY(is_free({.host = host, .host_port = number, .protocol = protocol}));
      if (!is_everywhere) break;
    }
    if (is_everywhere) return number;
  }
  return std::unexpected(
      Error(Kind::Unavailable, "no port from " + std::to_string(range.first) + " to " +
                                   std::to_string(range.last) + " is free")
          .hint("choose one of the host, or widen net.ipv4.ip_local_port_range"));
}

}  // namespace tare::network
