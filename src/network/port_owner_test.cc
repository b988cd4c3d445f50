// SPDX-License-Identifier: Apache-2.0
#include "network/port_owner.h"

#include <doctest/doctest.h>

using namespace tare;
using namespace tare::network;

namespace {

constexpr const char* kTcp =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
    "inode\n"
    "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 "
    "111 1 0\n"
    "   1: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 "
    "222 1 0\n"
    "   2: 0100007F:1F90 0100007F:A000 01 00000000:00000000 00:00000000 00000000     0        0 "
    "333 1 0\n"
    "   3: 0501A8C0:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 "
    "444 1 0\n"
    "   4: 0501A8C0:1F90 00000000:0000 0A\n"
    "nonsense\n";

PublishedPort at(const char* host, std::uint16_t port, Protocol protocol = Protocol::Tcp) {
  return {.host = *Address::parse(host), .host_port = port, .protocol = protocol};
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("network: the sockets that have a port are those at the same address, or at all") {
  CHECK(sockets_at(kTcp, at("127.0.0.1", 8080)) == Names{"111"});
  CHECK(sockets_at(kTcp, at("192.168.1.5", 8080)) == Names{"444"});
  CHECK(sockets_at(kTcp, at("0.0.0.0", 8080)) == Names{"111", "444"});
  CHECK(sockets_at(kTcp, at("127.0.0.1", 80)) == Names{"222"});
  CHECK(sockets_at(kTcp, at("127.0.0.1", 8081)).empty());
  CHECK(sockets_at(kTcp, at("127.0.0.1", 8080, Protocol::Udp)) == Names{"111", "333"});
  CHECK(sockets_at("", at("127.0.0.1", 8080)).empty());
}

TEST_CASE("network: a socket of IPv6 is found by its address") {
  constexpr const char* kTcp6 =
      "   0: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A "
      "00000000:00000000 00:00000000 00000000 0 0 555 1 0\n";
  CHECK(sockets_at(kTcp6, at("::1", 8080)) == Names{"555"});
  CHECK(sockets_at(kTcp6, at("::2", 8080)).empty());
}
