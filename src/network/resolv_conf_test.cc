// SPDX-License-Identifier: Apache-2.0
#include "network/resolv_conf.h"

#include <netinet/in.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace tare;
using namespace tare::network;
using namespace tare::network::dns;

TEST_CASE("network: search domains of a resolv.conf: those of the last line") {
  CHECK(parse_search_domains("search one.test\nsearch\ta.test  b.test # c\nnameserver ::1\n") ==
        std::vector<std::string>{"a.test", "b.test"});
  CHECK(parse_search_domains("domain lan.test\n") == std::vector<std::string>{"lan.test"});
  CHECK(parse_search_domains("searching a.test\n search b.test\n").empty());
}

TEST_CASE("network: name servers of a resolv.conf") {
  const auto servers = parse_resolv_conf(
      "# nameserver 10.0.0.1\nsearch example\nnameserver 10.0.0.2 # ours\n nameserver 10.0.0.3\n"
      "nameserver\tfe80::1%lo\nnameserver bad\nnameservers 10.0.0.4\nnameserver ::1;\n"
      "nameserver 10.0.0.5\n");
  REQUIRE(servers.size() == 3);
  CHECK(servers[0].address.text() == "10.0.0.2");
  CHECK(servers[1].address.text() == "fe80::1");
  CHECK(servers[1].scope == 1);  // Of every network namespace.
  CHECK(servers[2].address.text() == "::1");
  CHECK(parse_resolv_conf("").empty());
  socklen_t size = 0;
  const sockaddr_storage address = servers[0].socket_address(size);
  CHECK(size == sizeof(sockaddr_in));
  CHECK(reinterpret_cast<const sockaddr_in&>(address).sin_port == htons(53));
}

TEST_CASE("network: the host's name servers are read again when their file has changed") {
  char place[] = "/tmp/tare-resolv.XXXXXX";
  REQUIRE(::mkdtemp(place) != nullptr);
  const std::filesystem::path directory = place;
  const auto write = [&](const char* name, const char* text) {
    std::ofstream(directory / "new") << text;
    std::filesystem::rename(directory / "new", directory / name);
  };
  HostServers host({directory / "first", directory / "second"});
  CHECK(host.get().empty());
  write("second", "nameserver 10.0.0.1\n");
  REQUIRE(host.get().size() == 1);
  write("second", "nameserver 10.0.0.2\n");
  REQUIRE(host.get().size() == 1);
  CHECK(host.get()[0].address.text() == "10.0.0.2");
  write("first", "nameserver 10.0.0.3\nnameserver 10.0.0.4\n");
  CHECK(host.get().size() == 2);
  std::filesystem::remove(directory / "first");
  std::filesystem::remove(directory / "second");
  std::filesystem::create_directory(directory / "first");
  CHECK(host.get().empty());
  std::filesystem::remove_all(directory);
}
