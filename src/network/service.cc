// SPDX-License-Identifier: Apache-2.0
#include "network/service.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <thread>

#include "network/records.h"
#include "network/service_message.h"
#include "sys/files.h"
#include "sys/rights.h"

namespace tare::network {
namespace {

constexpr int kBacklog = 4096;
constexpr timeval kPatience{.tv_sec = 5, .tv_usec = 0};

// A socket's path is bound to 108 bytes; through the directory's descriptor any depth works.
sockaddr_un address_in(int directory) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = "/proc/self/fd/" + std::to_string(directory) + "/service";
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  return address;
}

Result<sys::Fd> open_directory(int store) {
  if (::mkdirat(store, networks_path().c_str(), 0700) != 0 && errno != EEXIST)
    return fail_errno("make the directory of networks");
  return sys::open_at(store, networks_path(), O_RDONLY | O_DIRECTORY);
}

// Who holds it speaks with the service, starts it, or is the service that ends itself.
Result<sys::Fd> take_lock(int store) {
  sys::Fd lock = TRY(sys::open_at(store, service_lock_path(), O_RDWR | O_CREAT, 0600));
  TRY(sys::lock_file(lock.get(), sys::Lock::Exclusive, sys::Wait::Yes));
  return lock;
}

Result<sys::Fd> make_socket() {
  sys::Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!socket) return fail_errno("make a socket for the network service");
  // A service that is stopped must not stop every start with it.
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience) != 0)
    return fail_errno("make a socket for the network service");
  return socket;
}

// An empty one when no service runs.
Result<sys::Fd> connect_service(int directory) {
  sys::Fd socket = TRY(make_socket());
  const sockaddr_un address = address_in(directory);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
    return socket;
  if (errno == ENOENT || errno == ECONNREFUSED) return sys::Fd();
  return fail_errno("connect to the network service");
}

Result<sys::Fd> listen_service(int directory) {
  ::unlinkat(directory, "service", 0);
  sys::Fd socket = TRY(make_socket());
  const sockaddr_un address = address_in(directory);
  const mode_t before = ::umask(0177);
  const int bound =
      ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int saved = errno;
  ::umask(before);
  if (bound != 0) return std::unexpected(Error::sys(saved, "bind the network service's socket"));
  if (::listen(socket.get(), kBacklog) != 0)
    return fail_errno("listen on the network service's socket");
  return socket;
}

Result<std::string> path_of(int store) {
  std::string path(4096, '\0');
  const std::string link = "/proc/self/fd/" + std::to_string(store);
  const ssize_t size = ::readlink(link.c_str(), path.data(), path.size());
  if (size < 0 || static_cast<std::size_t>(size) == path.size())
    return fail_errno("find the path of the store");
  path.resize(static_cast<std::size_t>(size));
  return path;
}

// The program with an empty environment, no signals blocked or ignored, its listening socket and
// its log. It puts itself into the background: what is waited for here ends at once.
Result<> spawn(const std::string& program, const std::string& store, int listener, int log) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_adddup2(&actions, log, STDERR_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, listener, kServiceListener);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDWR, 0);
  ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_RDWR, 0);
  sigset_t none;
  sigset_t all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::string name = "tare-net";
  std::string path = store;
  std::array<char*, 3> words = {name.data(), path.data(), nullptr};
  std::array<char*, 1> environment = {nullptr};
  pid_t pid = -1;
  const int error =
      ::posix_spawn(&pid, program.c_str(), &actions, &attributes, words.data(), environment.data());
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (error != 0)
    return std::unexpected(Error::sys(error, "start the network service " + quoted(program))
                               .hint("tare-net has to be installed beside tare"));
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return fail_errno("wait for the network service to be started");
  if (status != 0)
    return fail(Kind::Unavailable, "the network service ended at once; its log is " +
                                       quoted(store + "/" + service_log_path()) + " in the store");
  return {};
}

Result<> start_program(int store, const std::string& program, int listener) {
  const sys::Fd log =
      TRY(sys::open_at(store, service_log_path(), O_WRONLY | O_CREAT | O_APPEND, 0600));
  const std::string path = TRY(path_of(store));
  // Not where the standard streams and the listener are to be.
  const sys::Fd high(::fcntl(listener, F_DUPFD_CLOEXEC, 16));
  const sys::Fd high_log(::fcntl(log.get(), F_DUPFD_CLOEXEC, 16));
  if (!high || !high_log) return fail_errno("duplicate a descriptor");
  return spawn(program, path, high.get(), high_log.get());
}

Result<> send(int socket, const ServiceMessage& message, const std::vector<int>& descriptors) {
  const std::string text = print_message(message);
  sys::RightsMessage<kMostDescriptors> rights(text.data(), text.size());
  if (descriptors.empty())
    rights.header()->msg_controllen = 0;
  else
    rights.put(descriptors.data(), descriptors.size());
  while (::sendmsg(socket, rights.header(), MSG_NOSIGNAL) < 0) {
    if (errno == EINTR) continue;
    if (errno == EAGAIN) errno = ETIMEDOUT;
    return fail_errno("hand over to the network service");
  }
  return {};
}

// As many packets as it takes; one at least.
Result<> send_all(int socket, const Handover& handover) {
  ServiceMessage message{.type = ServiceMessage::Type::Endpoint,
                         .network = handover.network,
                         .container = handover.container};
  std::vector<int> descriptors;
  message.has_resolver = handover.dns_udp && handover.dns_tcp;
  if (message.has_resolver) descriptors = {handover.dns_udp.get(), handover.dns_tcp.get()};
  for (std::size_t i = 0; i < handover.ports.size(); ++i) {
    if (!handover.ports[i]) continue;
    if (descriptors.size() == kMostDescriptors) {
      TRY(send(socket, message, descriptors));
      message.has_resolver = false;
      message.ports.clear();
      descriptors.clear();
    }
    message.ports.push_back(static_cast<std::uint32_t>(i));
    descriptors.push_back(handover.ports[i].get());
  }
  return send(socket, message, descriptors);
}

Result<std::uint16_t> bind_resolver(int socket) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(0x7f00000b);  // 127.0.0.11
  socklen_t size = sizeof address;
  if (::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail_errno("bind a socket to 127.0.0.11");
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    return fail_errno("find the port of a socket");
  return ntohs(address.sin_port);
}

}  // namespace

std::string service_socket_path() { return networks_path() + "/service"; }
std::string service_lock_path() { return networks_path() + "/service.lock"; }
std::string service_log_path() { return networks_path() + "/service.log"; }

Result<> hand_over(int store, const std::string& program, Handover handover) {
  const sys::Fd directory = TRY(open_directory(store));
  const sys::Fd lock = TRY(take_lock(store));
  sys::Fd socket = TRY(connect_service(directory.get()));
  if (socket) return send_all(socket.get(), handover);
  const sys::Fd listener = TRY(listen_service(directory.get()));
  socket = TRY(connect_service(directory.get()));
  // Before it starts, so that it knows what it has when it looks for what it has not.
  TRY(send_all(socket.get(), handover));
  return start_program(store, program, listener.get());
}

namespace {

Result<> tell(int store, const ServiceMessage& message) {
  const sys::Fd directory = TRY(open_directory(store));
  const sys::Fd lock = TRY(take_lock(store));
  const sys::Fd socket = TRY(connect_service(directory.get()));
  if (!socket) return {};
  return send(socket.get(), message, {});
}

}  // namespace

Result<> tell_changed(int store) { return tell(store, {.type = ServiceMessage::Type::Changed}); }

Result<> tell_endpoint(int store, const std::string& network, const std::string& container) {
  return tell(store,
              {.type = ServiceMessage::Type::Endpoint, .network = network, .container = container});
}

Result<sys::Fd> hold_service(int store, const std::string& program) {
  const sys::Fd directory = TRY(open_directory(store));
  const sys::Fd lock = TRY(take_lock(store));
  sys::Fd socket = TRY(connect_service(directory.get()));
  if (socket) return socket;
  const sys::Fd listener = TRY(listen_service(directory.get()));
  socket = TRY(connect_service(directory.get()));
  TRY(start_program(store, program, listener.get()));
  return socket;
}

void await_end_of_service(int store) {
  constexpr int kMostLooks = 300;
  constexpr std::chrono::milliseconds kPause(10);
  // It removes its socket when it ends itself; one that was killed leaves it.
  for (int i = 0; i < kMostLooks; ++i) {
    if (::faccessat(store, service_socket_path().c_str(), F_OK, AT_SYMLINK_NOFOLLOW) != 0) return;
    if (i % 10 == 9) {
      const auto directory = open_directory(store);
      if (!directory) return;
      const auto service = connect_service(directory->get());
      if (service && !*service) return;
    }
    std::this_thread::sleep_for(kPause);
  }
}

Result<> wake_service(int store, const std::string& program) {
  // It removes its socket when it ends itself.
  if (::faccessat(store, service_socket_path().c_str(), F_OK, AT_SYMLINK_NOFOLLOW) != 0) return {};
  const sys::Fd directory = TRY(open_directory(store));
  if (TRY(connect_service(directory.get()))) return {};
  const sys::Fd lock = TRY(take_lock(store));
  if (TRY(connect_service(directory.get()))) return {};
  const sys::Fd listener = TRY(listen_service(directory.get()));
  return start_program(store, program, listener.get());
}

Result<ResolverSockets> open_resolver() {
  ResolverSockets sockets;
  constexpr int kFlags = SOCK_CLOEXEC | SOCK_NONBLOCK;
  sockets.udp = sys::Fd(::socket(AF_INET, SOCK_DGRAM | kFlags, 0));
  sockets.tcp = sys::Fd(::socket(AF_INET, SOCK_STREAM | kFlags, 0));
  if (!sockets.udp || !sockets.tcp) return fail_errno("make the resolver's sockets");
  sockets.udp_port = TRY(bind_resolver(sockets.udp.get()));
  sockets.tcp_port = TRY(bind_resolver(sockets.tcp.get()));
  if (::listen(sockets.tcp.get(), 64) != 0) return fail_errno("listen for the resolver");
  return sockets;
}

}  // namespace tare::network
