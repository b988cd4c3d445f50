// SPDX-License-Identifier: Apache-2.0
#include "network/address.h"

#include <doctest/doctest.h>

using namespace tare;
using namespace tare::network;

namespace {

Address address(const char* text) { return Address::parse(text).value(); }
Subnet subnet(const char* text) { return Subnet::parse(text).value(); }

}  // namespace

TEST_CASE("addresses are what inet_pton takes, and nothing else") {
  CHECK(address("10.0.0.1").text() == "10.0.0.1");
  CHECK(address("FD00:0::1").text() == "fd00::1");
  for (const char* wrong :
       {"", "10.1", "010.0.0.1", "10.0.0.256", "fd00::1%eth0", "10.0.0.1 ", "::g"})
    CHECK_FALSE(Address::parse(wrong));
  CHECK_FALSE(Address::parse(std::string_view("10.0.0.1\0x", 10)));
  CHECK(address("127.9.9.9").is_loopback());
  CHECK(address("::1").is_loopback());
  CHECK_FALSE(address("::2").is_loopback());
  CHECK(address("::").is_any());
}

TEST_CASE("counting on from an address carries") {
  CHECK(address("10.0.0.255").plus(1) == address("10.0.1.0"));
  CHECK(address("10.0.0.255").plus(511) == address("10.0.2.254"));
  CHECK(address("255.255.255.255").plus(1) == address("0.0.0.0"));
  CHECK(address("fd00::ffff:ffff:ffff:ffff").plus(1) == address("fd00:0:0:1::"));
}

TEST_CASE("a subnet has no bits below its prefix") {
  CHECK(subnet("10.1.0.0/16").text() == "10.1.0.0/16");
  for (const char* wrong :
       {"10.1.0.1/16", "10.1.0.0", "10.1.0.0/33", "10.1.0.0/", "/8", "fd00::/129", "a/8"})
    CHECK_FALSE(Subnet::parse(wrong));
  CHECK(Subnet::of(address("10.1.2.3"), 20) == subnet("10.1.0.0/20"));
  CHECK(subnet("10.1.0.0/20").last() == address("10.1.15.255"));
  CHECK(subnet("10.1.0.0/20").size() == 4096);
  CHECK(subnet("0.0.0.0/0").contains(address("255.1.1.1")));
  CHECK_FALSE(subnet("0.0.0.0/0").contains(address("::1")));
  CHECK(subnet("10.1.0.0/16").overlaps(subnet("10.1.128.0/17")));
  CHECK(subnet("10.1.128.0/17").overlaps(subnet("10.1.0.0/16")));
  CHECK_FALSE(subnet("10.1.0.0/17").overlaps(subnet("10.1.128.0/17")));
}

TEST_CASE("a MAC address is one interface's") {
  CHECK(mac_text(parse_mac("02:42:AC:11:00:02").value()) == "02:42:ac:11:00:02");
  for (const char* wrong : {"", "02:42:ac:11:00", "03:42:ac:11:00:02", "00:00:00:00:00:00",
                            "02-42-ac-11-00-02", "02:42:ac:11:00:0g"})
    CHECK_FALSE(parse_mac(wrong));
}
