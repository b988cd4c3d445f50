// SPDX-License-Identifier: Apache-2.0
#include "network/leases.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>

#include "sys/fd.h"

using namespace tare;
using namespace tare::network;

namespace {

struct Place {
  Place() {
    char path[] = "/tmp/tare-leases-XXXXXX";
    name = ::mkdtemp(path);
    dir = sys::open_path(name, O_RDONLY | O_DIRECTORY).value();
    ::mkdirat(dir.get(), "networks", 0700);
    ::mkdirat(dir.get(), network_path(net.id).c_str(), 0700);
  }
  ~Place() { std::filesystem::remove_all(name); }

  std::string name;
  sys::Fd dir;
  Network net{.id = std::string(64, 'a'), .name = "n"};
};

Pool pool(const char* subnet) {
  Pool made{.subnet = Subnet::parse(subnet).value()};
  made.gateway = made.subnet.base.plus(1);
  return made;
}

std::string id(char digit) { return std::string(64, digit); }

}  // namespace

TEST_CASE("subnets are chosen beside those that are taken") {
  const Subnet first = choose_subnet({}).value();
  CHECK(first.text() == "172.17.0.0/16");
  CHECK(choose_subnet({first}).value().text() == "172.18.0.0/16");
  CHECK(choose_subnet({Subnet::parse("172.16.0.0/12").value()}).value().text() == "192.168.0.0/20");
  CHECK(choose_subnet(
            {Subnet::parse("172.16.0.0/12").value(), Subnet::parse("192.168.5.0/24").value()})
            .value()
            .text() == "192.168.16.0/20");
  const auto none = choose_subnet({Subnet::parse("0.0.0.0/0").value()});
  REQUIRE_FALSE(none);
  CHECK(none.error().kind() == Kind::Unavailable);
}

TEST_CASE("a network's own subnet of IPv6 is a unique local one") {
  CHECK(local_subnet(id('1')).text() == "fd11:1111:1111:1111::/64");
  CHECK(local_subnet(id('1')) != local_subnet(id('2')));
}

TEST_CASE("an address is one container's until it is released") {
  Place place;
  const Pool addresses = pool("10.0.0.0/29");
  const auto take = [&](char who, std::optional<Address> wanted = {}) {
    return take_address(place.dir.get(), place.net, addresses, id(who), wanted);
  };
  CHECK(take('b').value().text() == "10.0.0.2");
  CHECK(take('c').value().text() == "10.0.0.3");
  const Address third = Address::parse("10.0.0.3").value();
  CHECK(take('c', third).value() == third);
  CHECK(take('d', third).error().kind() == Kind::Exists);
  for (const char* wrong : {"10.0.0.0", "10.0.0.1", "10.0.0.7", "10.0.0.8", "fd00::1"})
    CHECK(take('d', Address::parse(wrong).value()).error().kind() == Kind::Invalid);
  for (const char who : {'d', 'e', 'f'}) CHECK(take(who));
  CHECK(take('1').error().kind() == Kind::Unavailable);
  release_addresses(place.dir.get(), place.net.id, id('d'));
  CHECK(take('1').value().text() == "10.0.0.4");
  CHECK(load_leases(place.dir.get(), place.net.id).value().size() == 5);
}

TEST_CASE("addresses come from the range, and none that others have") {
  Place place;
  Pool addresses = pool("10.0.0.0/24");
  addresses.range = Subnet::parse("10.0.0.128/30").value();
  addresses.taken = {{"router", Address::parse("10.0.0.129").value()}};
  const auto take = [&](char who) {
    return take_address(place.dir.get(), place.net, addresses, id(who), {});
  };
  CHECK(take('b').value().text() == "10.0.0.128");
  CHECK(take('c').value().text() == "10.0.0.130");
  CHECK(take('d').value().text() == "10.0.0.131");
  CHECK_FALSE(take('e'));
}
