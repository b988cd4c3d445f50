// SPDX-License-Identifier: Apache-2.0
#include "engine/build_agent.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/text.h"

namespace tare::engine {
namespace {

constexpr std::size_t kMostConnections = 64;
// Of a message of an agent, which has at most 256 KiB, in several pieces.
// [OpenSSH 9, authfd.c, MAX_AGENT_REPLY_LEN]
constexpr std::size_t kPiece = 64 << 10;

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return fail(Kind::Invalid, "the path of the socket " + quoted(path) + " is too long");
  path.copy(address.sun_path, path.size());
  return address;
}

Result<sys::Fd> make_socket() {
  sys::Fd made(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!made) return fail_errno("make a socket");
  return made;
}

// Whether what `from` said has gone to `to`, and it will say more.
bool relay(int from, int to) {
  std::string buffer(kPiece, '\0');
  const ssize_t count = ::recv(from, buffer.data(), buffer.size(), 0);
  if (count < 0) return errno == EAGAIN || errno == EINTR;
  return count > 0 &&
         ::send(to, buffer.data(), static_cast<std::size_t>(count), MSG_NOSIGNAL) == count;
}

}  // namespace

Result<std::unique_ptr<AgentRelay>> AgentRelay::open(const std::string& agent,
                                                     const std::string& directory,
                                                     const build::RunMount& mount,
                                                     const sys::IdMap& ids) {
  std::unique_ptr<AgentRelay> made(new AgentRelay());
  TRY(address_of(agent));
  made->agent_ = agent;
  made->epoll_ = sys::Fd(::epoll_create1(EPOLL_CLOEXEC));
  if (!made->epoll_) return fail_errno("epoll_create1");
  made->listener_ = TRY(make_socket());
  const sys::Fd place = TRY(sys::open_path(directory, O_RDONLY | O_DIRECTORY));
  // However long the path is.
  const sockaddr_un address =
      TRY(address_of("/proc/self/fd/" + std::to_string(place.get()) + "/" + kSocket));
  if (::bind(made->listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
      0)
    return fail_errno("make the socket of an SSH agent");
  const std::uint32_t uid = TRY(ids.outside_of(mount.uid), "the owner of an SSH agent's socket");
  const std::uint32_t gid =
      TRY(ids.groups().outside_of(mount.gid), "the group of an SSH agent's socket");
  if (::fchownat(place.get(), kSocket, uid, gid, AT_SYMLINK_NOFOLLOW) != 0 ||
      ::fchmodat(place.get(), kSocket, mount.mode, 0) != 0)
    return fail_errno("give the socket of an SSH agent its owner");
  if (::listen(made->listener_.get(), SOMAXCONN) != 0) return fail_errno("listen");
  TRY(made->watch(made->listener_.get(), 0));
  return made;
}

Result<> AgentRelay::watch(int fd, std::uint64_t number) const {
  epoll_event event{.events = EPOLLIN, .data = {.u64 = number}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return fail_errno("epoll_ctl");
  return {};
}

// A program whose agent is not there finds its connection closed, as with an agent that has ended.
Result<> AgentRelay::accept() {
  Connection made;
  made.program =
      sys::Fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!made.program || connections_.size() >= kMostConnections) return {};
  made.agent = TRY(make_socket());
  const sockaddr_un address = TRY(address_of(agent_));
  if (::connect(made.agent.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return {};
  const std::uint64_t number = next_++;
  TRY(watch(made.program.get(), 2 * number));
  TRY(watch(made.agent.get(), 2 * number + 1));
  connections_[number] = std::move(made);
  return {};
}

Result<> AgentRelay::pump() {
  epoll_event events[16];
  const int count = ::epoll_wait(epoll_.get(), events, std::size(events), 0);
  for (int i = 0; i < count; ++i) {
    const std::uint64_t number = events[i].data.u64;
    if (number == 0) {
      TRY(accept());
      continue;
    }
    const auto found = connections_.find(number / 2);
    if (found == connections_.end()) continue;  // The other end has gone just now.
    const Connection& one = found->second;
    const bool is_agent = number % 2 == 1;
    const int from = is_agent ? one.agent.get() : one.program.get();
    const int to = is_agent ? one.program.get() : one.agent.get();
    if (!relay(from, to)) connections_.erase(found);
  }
  return {};
}

}  // namespace tare::engine
