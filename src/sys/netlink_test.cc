// SPDX-License-Identifier: Apache-2.0
// Messages to the byte, broken ones, and a conversation with the kernel about the loopback device.
#include "sys/netlink.h"

#include <doctest/doctest.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <cerrno>

namespace tare::sys {
namespace {

using namespace std::string_literals;

struct Fixed {
  std::uint32_t number = 0;
};

TEST_CASE("netlink: a request to the byte") {
  netlink::Request request(RTM_NEWLINK, NLM_F_CREATE, Fixed{0x04030201});
  request.text(IFLA_IFNAME, "lo").number(IFLA_MTU, 7);
  const std::string want =
      "\x24\0\0\0"  // 36 bytes: 16 and 4, then 4 + 3 + 1 of padding, and 4 + 4.
      "\x10\0\x05\x04\x09\0\0\0\0\0\0\0\x01\x02\x03\x04\x07\0\x03\0lo\0\0\x08\0\x04\0\x07\0\0\0"s;
  CHECK(request.message(9) == want);
  CHECK_FALSE(request.is_dump());
  CHECK(netlink::Request(RTM_GETADDR, NLM_F_DUMP, Fixed{}).is_dump());

  const auto messages = netlink::parse_messages(want);
  REQUIRE(messages);
  REQUIRE(messages->size() == 1);
  CHECK(messages->front().type == RTM_NEWLINK);
  CHECK(messages->front().serial == 9);
  const auto attributes = netlink::parse_attributes(messages->front().body, sizeof(Fixed));
  REQUIRE(attributes);
  REQUIRE(attributes->size() == 2);
  CHECK(netlink::find(*attributes, IFLA_IFNAME)->value == "lo\0"s);
  CHECK(netlink::find(*attributes, IFLA_MTU)->value == "\x07\0\0\0"s);
  CHECK(netlink::find(*attributes, IFLA_LINK) == nullptr);
}

TEST_CASE("netlink: what does not lie within its datagram is refused") {
  const std::string whole = netlink::Request(RTM_GETLINK, 0, Fixed{}).number(1, 2).message(1);
  for (std::size_t size = 1; size < whole.size(); ++size) {
    CAPTURE(size);
    CHECK_FALSE(netlink::parse_messages(whole.substr(0, size)));
  }
  CHECK(netlink::parse_messages("")->empty());
  CHECK_FALSE(netlink::parse_messages("\x0f\0\0\0"s + std::string(12, '\0')));  // Below its header.
  CHECK_FALSE(netlink::parse_attributes("abc", 4));
  CHECK_FALSE(netlink::parse_attributes("\x03\0\x01\0"s, 0));
  CHECK_FALSE(netlink::parse_attributes("\x05\0\x01\0"s, 0));
  CHECK(netlink::parse_attributes("\x05\0\x01\0x"s, 0)->front().value == "x");  // No padding: last.
}

TEST_CASE("netlink: verdicts") {
  const auto verdict = [](std::uint16_t type, std::uint16_t flags, const std::string& body) {
    return netlink::parse_verdict({.type = type, .flags = flags, .body = body});
  };
  CHECK(verdict(NLMSG_DONE, 0, "\0\0\0\0"s)->errnum == 0);
  CHECK(verdict(NLMSG_ERROR, 0, "\xed\xff\xff\xff"s + std::string(16, '\0'))->errnum == ENODEV);
  const auto told = verdict(NLMSG_ERROR, NLM_F_ACK_TLVS,
                            "\xea\xff\xff\xff"s + std::string(16, '\0') + "\x08\0\x01\0bad\0"s);
  REQUIRE(told);
  CHECK(told->errnum == EINVAL);
  CHECK(told->words == "bad");
  CHECK_FALSE(verdict(NLMSG_ERROR, 0, "\0\0"s));
  CHECK_FALSE(verdict(NLMSG_ERROR, 0, "\x01\0\0\0"s));
}

TEST_CASE("netlink: the kernel answers") {
  auto socket = netlink::Socket::open();
  REQUIRE(socket);
  const auto all = socket->ask({RTM_GETLINK, NLM_F_DUMP, ifinfomsg{}});
  REQUIRE(all);
  CHECK_FALSE(all->empty());
  netlink::Request loopback(RTM_GETLINK, 0, ifinfomsg{});
  const auto found = socket->ask(loopback.text(IFLA_IFNAME, "lo"));
  REQUIRE(found);
  REQUIRE(found->size() == 1);
  CHECK(netlink::fixed_part<ifinfomsg>(found->front())->ifi_type != 0);
  netlink::Request nobody(RTM_GETLINK, 0, ifinfomsg{});
  const auto missing = socket->ask(nobody.text(IFLA_IFNAME, "no-such-device"));
  REQUIRE_FALSE(missing);
  CHECK(missing.error().errnum() == ENODEV);
}

}  // namespace
}  // namespace tare::sys
