// SPDX-License-Identifier: Apache-2.0
#include "network/service.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>

#include "network/service_message.h"
#include "network/service_release.h"
#include "sys/files.h"
#include "sys/rights.h"

using namespace tare;
using namespace tare::network;

namespace {

// A store in a place whose path is longer than a socket's may be.
class Place {
 public:
  Place() {
    char place[] = "/tmp/tare-service.XXXXXX";
    if (::mkdtemp(place) == nullptr) std::abort();
    top_ = place;
    const std::string deep = top_ + "/" + std::string(150, 'd');
    REQUIRE(sys::make_directories(deep + "/networks", 0700));
    store = sys::open_path(deep, O_RDONLY | O_DIRECTORY).value();
  }
  ~Place() { std::filesystem::remove_all(top_); }

  sys::Fd store;

 private:
  std::string top_;
};

// The service's end of it.
sys::Fd listen_at(int store) {
  sys::Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = "/proc/self/fd/" + std::to_string(store) + "/" + service_socket_path();
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ::unlinkat(store, service_socket_path().c_str(), 0);
  REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::listen(socket.get(), 8) == 0);
  return socket;
}

struct Received {
  ServiceMessage message;
  std::vector<sys::Fd> descriptors;
};

std::vector<Received> receive(int listener) {
  std::vector<Received> all;
  const sys::Fd peer(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
  REQUIRE(peer);
  for (;;) {
    char bytes[16384];
    sys::RightsMessage<kMostDescriptors> rights(bytes, sizeof bytes);
    const ssize_t size = ::recvmsg(peer.get(), rights.header(), MSG_CMSG_CLOEXEC);
    if (size <= 0) return all;
    int numbers[kMostDescriptors];
    Received one{.message = parse_message({bytes, static_cast<std::size_t>(size)}).value()};
    const std::size_t count = rights.take(numbers);
    for (std::size_t i = 0; i < count; ++i) one.descriptors.emplace_back(numbers[i]);
    CHECK(one.descriptors.size() == one.message.descriptors());
    all.push_back(std::move(one));
  }
}

sys::Fd numbered(int number) {
  sys::Fd file = sys::make_memfd("port").value();
  REQUIRE(::ftruncate(file.get(), number) == 0);
  return file;
}
off_t number_of(const sys::Fd& file) {
  struct stat status{};
  REQUIRE(::fstat(file.get(), &status) == 0);
  return status.st_size;
}

const std::string kNetwork(64, 'a');
const std::string kContainer(64, 'b');

}  // namespace

TEST_CASE("network: messages to the service come back as they were printed") {
  const ServiceMessage message{.type = ServiceMessage::Type::Endpoint,
                               .network = kNetwork,
                               .container = kContainer,
                               .has_resolver = true,
                               .ports = {0, 3, 199}};
  CHECK(parse_message(print_message(message)).value() == message);
  CHECK(message.descriptors() == 5);
  const ServiceMessage changed;
  CHECK(parse_message(print_message(changed)).value() == changed);
  for (const char* text : {"", "{}", R"({"type":"other"})", R"({"type":"endpoint"})",
                           R"({"type":"endpoint","network":"../x","container":"../y"})"})
    CHECK_FALSE(parse_message(text));
  ServiceMessage wrong = message;
  wrong.ports.assign(kMostDescriptors, 0);
  CHECK_FALSE(parse_message(print_message(wrong)));
  wrong = message;
  wrong.container[63] = 'X';
  CHECK_FALSE(parse_message(print_message(wrong)));
}

TEST_CASE("network: what is handed over arrives, in as many messages as it takes") {
  Place place;
  const sys::Fd listener = listen_at(place.store.get());
  Handover handover{.network = kNetwork, .container = kContainer};
  handover.dns_udp = numbered(1000);
  handover.dns_tcp = numbered(1001);
  for (int i = 0; i < 450; ++i) handover.ports.push_back(i == 7 ? sys::Fd() : numbered(i));
  REQUIRE(hand_over(place.store.get(), "/nowhere", std::move(handover)));
  const auto all = receive(listener.get());
  REQUIRE(all.size() == 3);
  CHECK(all[0].message.has_resolver);
  CHECK(number_of(all[0].descriptors[1]) == 1001);
  std::uint32_t next = 0;
  for (const Received& one : all) {
    const std::size_t first = one.message.has_resolver ? 2 : 0;
    for (std::size_t i = 0; i < one.message.ports.size(); ++i, ++next) {
      if (next == 7) ++next;
      CHECK(one.message.ports[i] == next);
      CHECK(number_of(one.descriptors[first + i]) == next);
    }
  }
  CHECK(next == 450);
  // Without anything to carry it says that the record is there.
  REQUIRE(hand_over(place.store.get(), "/nowhere", {.network = kNetwork, .container = kContainer}));
  CHECK(receive(listener.get()).size() == 1);
  REQUIRE(tell_changed(place.store.get()));
  CHECK(receive(listener.get())[0].message.type == ServiceMessage::Type::Changed);
}

TEST_CASE("network: the service is started when none runs, and a failure is told") {
  Place place;
  CHECK(tell_changed(place.store.get()));
  const auto hand = [&](const char* program) {
    return hand_over(place.store.get(), program, {.network = kNetwork, .container = kContainer});
  };
  CHECK(hand("/bin/true"));
  CHECK(hand("/nowhere/tare-net").error().kind() == Kind::NotFound);
  const auto ended = hand("/bin/false");
  CHECK(ended.error().kind() == Kind::Unavailable);
  // Who died leaves a socket that nobody listens at.
  listen_at(place.store.get()).reset();
  CHECK(hand("/bin/true"));
}

TEST_CASE("network: the resolver's sockets are at 127.0.0.11, at ports of the kernel's choice") {
  const ResolverSockets sockets = open_resolver().value();
  CHECK(sockets.udp_port > 1023);
  CHECK(sockets.tcp_port > 1023);
  CHECK((::fcntl(sockets.udp.get(), F_GETFL) & O_NONBLOCK) != 0);
  CHECK((::fcntl(sockets.tcp.get(), F_GETFD) & FD_CLOEXEC) != 0);
  int listens = 0;
  socklen_t size = sizeof listens;
  CHECK(::getsockopt(sockets.tcp.get(), SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0);
  CHECK(listens == 1);
}

TEST_CASE("network: what a container leaves is removed, and nothing of its next start") {
  Place place;
  const int store = place.store.get();
  const std::string dir = network_path(kNetwork);
  for (const std::string& path : {dir, endpoints_path(kNetwork), dir + "/leases"})
    REQUIRE(::mkdirat(store, path.c_str(), 0700) == 0);
  const Endpoint endpoint{
      .network = kNetwork, .container = kContainer, .name = "web", .pid = 77, .pid_start = "5"};
  const std::string path = endpoint_path(kNetwork, kContainer);
  const auto is_there = [&](const std::string& name) {
    return ::faccessat(store, name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
  };
  const auto lease = [&](const char* address, const std::string& whose, time_t when) {
    const std::string link = dir + "/leases/" + address;
    REQUIRE(::symlinkat(whose.c_str(), store, link.c_str()) == 0);
    const timespec times[2] = {{when, 0}, {when, 0}};
    REQUIRE(::utimensat(store, link.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0);
  };
  CHECK(release_endpoint(store, endpoint).value() == Released::Gone);
  const sys::Fd endpoints =
      sys::open_at(store, endpoints_path(kNetwork), O_RDONLY | O_DIRECTORY).value();
  REQUIRE(sys::replace_file(endpoints.get(), kContainer, print_endpoint(endpoint)));
  const timespec written[2] = {{1000, 0}, {1000, 0}};
  REQUIRE(::utimensat(store, path.c_str(), written, 0) == 0);
  lease("10.0.0.2", kContainer, 999);
  lease("10.0.0.3", kContainer, 1001);
  lease("10.0.0.4", std::string(64, 'c'), 999);
  Endpoint other = endpoint;
  other.pid_start = "6";
  CHECK(release_endpoint(store, other).value() == Released::StartedAgain);
  CHECK(is_there(path));
  CHECK(is_there(dir + "/leases/10.0.0.2"));
  CHECK(release_endpoint(store, endpoint).value() == Released::Removed);
  CHECK_FALSE(is_there(path));
  CHECK_FALSE(is_there(dir + "/leases/10.0.0.2"));
  CHECK(is_there(dir + "/leases/10.0.0.3"));
  CHECK(is_there(dir + "/leases/10.0.0.4"));
  const Network network{.id = kNetwork, .name = "front"};
  const sys::Fd record = sys::open_at(store, dir, O_RDONLY | O_DIRECTORY).value();
  REQUIRE(sys::replace_file(record.get(), "network.json", print_network(network)));
  // Leases without an endpoint go, but not while somebody starts the container.
  const std::string container = "containers/" + kContainer;
  REQUIRE(sys::make_directories("/proc/self/fd/" + std::to_string(store) + "/" + container, 0700));
  const sys::Fd lock = sys::open_at(store, container + "/lock", O_RDWR | O_CREAT, 0600).value();
  REQUIRE(sys::lock_file(lock.get(), sys::Lock::Exclusive, sys::Wait::No));
  sweep_leases(store);
  CHECK(is_there(dir + "/leases/10.0.0.3"));
  CHECK_FALSE(is_there(dir + "/leases/10.0.0.4"));
  CHECK(process_start(::getpid()) != "");
  CHECK(process_start(0x7ffffffe).empty());
}

TEST_CASE("network: an address whose container is not being started is free again") {
  Place place;
  const int store = place.store.get();
  const std::string dir = network_path(kNetwork);
  const std::string container = "containers/" + kContainer;
  const std::string root = "/proc/self/fd/" + std::to_string(store) + "/";
  for (const std::string& path : {endpoints_path(kNetwork), dir + "/leases", container})
    REQUIRE(sys::make_directories(root + path, 0700));
  sys::open_at(store, container + "/lock", O_RDWR | O_CREAT, 0600).value().reset();
  const Network network{.id = kNetwork, .name = "front"};
  const sys::Fd record = sys::open_at(store, dir, O_RDONLY | O_DIRECTORY).value();
  REQUIRE(sys::replace_file(record.get(), "network.json", print_network(network)));
  const std::string path = dir + "/leases/10.0.0.2";
  const auto is_there = [&] {
    return ::faccessat(store, path.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
  };
  REQUIRE(::symlinkat(kContainer.c_str(), store, path.c_str()) == 0);
  const std::string endpoint = endpoint_path(kNetwork, kContainer);
  sys::open_at(store, endpoint, O_RDWR | O_CREAT, 0600).value().reset();
  sweep_leases(store);
  CHECK(is_there());
  REQUIRE(::unlinkat(store, endpoint.c_str(), 0) == 0);
  sweep_leases(store);
  CHECK_FALSE(is_there());
}
