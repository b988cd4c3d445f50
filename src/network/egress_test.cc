// SPDX-License-Identifier: Apache-2.0
#include "network/egress.h"

#include <doctest/doctest.h>

using namespace tare;
using namespace tare::network;

namespace {

std::vector<std::string> texts_of(const std::vector<std::string>& words) {
  const auto egress = Egress::parse(words);
  REQUIRE(egress);
  return egress->texts();
}
bool is_wrong(const std::string& word) {
  const auto egress = Egress::parse({word});
  return !egress && egress.error().kind() == Kind::Invalid && !egress.error().hint().empty();
}
Egress list(const std::string& words) { return Egress::parse({words}).value(); }

}  // namespace

TEST_CASE("network: egress: words are read and come back") {
  using Texts = std::vector<std::string>;
  CHECK(texts_of({}) == Texts{});
  CHECK(texts_of({"deny"}) == Texts{"deny"});
  CHECK(texts_of({"allow"}) == Texts{"allow"});
  CHECK(texts_of({"Debian.ORG., *.debian.org:443", "debian.org"}) ==
        Texts{"debian.org", "*.debian.org:443"});
  CHECK(texts_of({"10.1.2.3,10.1.0.0/16:443,10.1.0.0/16:53/udp,10.1.2.3:80/tcp"}) ==
        Texts{"10.1.2.3", "10.1.0.0/16:443", "10.1.0.0/16:53/udp", "10.1.2.3:80"});
  CHECK(
      texts_of({"2001:db8::1,[2001:db8::1]:443,2001:db8::/32,[2001:db8::/32]:53/UDP,[::1]"}) ==
      Texts{"2001:db8::1", "[2001:db8::1]:443", "2001:db8::/32", "[2001:db8::/32]:53/udp", "::1"});
  CHECK(list("deny").mode == Egress::Mode::Listed);
  CHECK(list("allow").mode == Egress::Mode::Noted);
  CHECK(Egress::parse({}).value().mode == Egress::Mode::Free);
}

TEST_CASE("network: egress: what is wrong is refused") {
  for (const char* word : {"",
                           "a,",
                           "deny,a",
                           "a,allow",
                           "allow,deny",
                           "*",
                           "a.*.b",
                           "**.a",
                           "a..b",
                           ".a",
                           "a b",
                           "10.0.0.300",
                           "1.2.3",
                           "10.0.0.1/8",
                           "10.0.0.0/33",
                           "a:0",
                           "a:65536",
                           "a:b",
                           "a:",
                           "a/udp",
                           "10.0.0.1/tcp",
                           "[2001:db8::1",
                           "[2001:db8::1]443",
                           "b\xc3\xbc"
                           "cher.example",
                           "http://a",
                           "a:80/sctp",
                           "a/b:80"})
    CHECK_MESSAGE(is_wrong(word), word);
  CHECK(is_wrong(std::string(64, 'a') + ".b"));
  std::string many = "a0";
  for (int i = 1; i <= 1000; ++i) many += ",a" + std::to_string(i);
  CHECK(!Egress::parse({many}));
}

TEST_CASE("network: egress: names, and what is below them") {
  const Egress egress = list("a.example:443,*.b.example,*.b.example:53/udp,*.c.example:53/udp");
  using Ports = std::vector<EgressPort>;
  CHECK(egress.ports_of("a.example") == Ports{{.port = 443}});
  CHECK(egress.ports_of("x.b.example") == Ports{{.port = 0}});
  CHECK(egress.ports_of("y.x.b.example") == Ports{{.port = 0}});
  CHECK(egress.ports_of("x.c.example") == Ports{{.port = 53, .protocol = Protocol::Udp}});
  CHECK(egress.item_of("x.c.example") == "*.c.example:53/udp");
  for (const char* name : {"x.a.example", "b.example", "xb.example", ".b.example", "example", "",
                           "x.b.example.evil", "evil\\.b.example", "x.evil\\.b.example"})
    CHECK_MESSAGE(egress.ports_of(name).empty(), name);
  CHECK(list("a.example:80,a.example:443").ports_of("a.example").size() == 2);
}

TEST_CASE("network: egress: where names do not lead") {
  for (const char* text : {"127.0.0.1", "127.9.9.9", "0.0.0.0", "169.254.169.254", "224.0.0.251",
                           "255.255.255.255", "::", "::1", "fe80::1", "ff02::1", "::ffff:10.0.0.1",
                           "::10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::"})
    CHECK_MESSAGE(!may_be_named(Address::parse(text).value()), text);
  for (const char* text : {"10.0.0.1", "192.0.2.1", "2001:db8::1", "fd00::1", "64:ff9b::c000:201"})
    CHECK_MESSAGE(may_be_named(Address::parse(text).value()), text);
}
