// SPDX-License-Identifier: Apache-2.0
#include "front/cli/port_options.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "base/text.h"

using namespace tare;
using namespace tare::cli;
using network::Address;
using network::Protocol;

namespace {

std::string message(const auto& result) { return result ? "" : result.error().message(); }

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// "ADDRESSES HOST[-HOST] CONTAINER/PROTOCOL", a semicolon between.
std::string published(std::string_view text) {
  const auto requests = parse_publish(text);
  if (!requests) return requests.error().message();
  std::vector<std::string> out;
  for (const auto& request : *requests) {
    std::vector<std::string> hosts;
    for (const Address& host : request.hosts) hosts.push_back(host.text());
    std::string line = hosts.empty() ? "-" : join(hosts, ",");
    line += " " + std::to_string(request.host_first);
    if (request.host_first != request.host_last) line += "-" + std::to_string(request.host_last);
    out.push_back(line + " " + port_and_protocol(request.container_port, request.protocol));
  }
  return join(out, "; ");
}

network::PublishedPort port(const char* host, std::uint16_t outside, std::uint16_t inside,
                            Protocol protocol = Protocol::Tcp) {
  return {.host = *Address::parse(host),
          .host_port = outside,
          .protocol = protocol,
          .container_port = inside};
}

}  // namespace

TEST_CASE("ports of -p in every form that Docker has") {
  CHECK(published("80") == "- 0 80/tcp");
  CHECK(published("8080:80") == "- 8080 80/tcp");
  CHECK(published(":80") == "- 0 80/tcp");
  CHECK(published("0:80") == "- 0 80/tcp");
  CHECK(published("8080:80/tcp") == "- 8080 80/tcp");
  CHECK(published("8080:80/udp") == "- 8080 80/udp");
  CHECK(published("8080:80/SCTP") == "- 8080 80/sctp");
  CHECK(published("8080:80/") == "- 8080 80/tcp");
  CHECK(published("53/udp") == "- 0 53/udp");
  CHECK(published("127.0.0.1:8080:80") == "127.0.0.1 8080 80/tcp");
  CHECK(published("127.0.0.1::80") == "127.0.0.1 0 80/tcp");
  CHECK(published("192.168.1.100:8080:80") == "192.168.1.100 8080 80/tcp");
  CHECK(published("0.0.0.0:8080:80") == "0.0.0.0 8080 80/tcp");
  CHECK(published("[::]:8080:80") == ":: 8080 80/tcp");
  CHECK(published("[::1]:8080:80/udp") == "::1 8080 80/udp");
  CHECK(published("[2001:db8::1]::80") == "2001:db8::1 0 80/tcp");
  CHECK(published("::1:8080:80") == "::1 8080 80/tcp");
  CHECK(published("any:8080:80") == "0.0.0.0,:: 8080 80/tcp");
  CHECK(published("any::80") == "0.0.0.0,:: 0 80/tcp");
  CHECK(published("8000-8001") == "- 0 8000/tcp; - 0 8001/tcp");
  CHECK(published("8000-8001:90-91") == "- 8000 90/tcp; - 8001 91/tcp");
  CHECK(published("0.0.0.0:8000-8001:90-91/udp") == "0.0.0.0 8000 90/udp; 0.0.0.0 8001 91/udp");
  CHECK(published("8000-8010:80") == "- 8000-8010 80/tcp");
  CHECK(published("127.0.0.1:8000-8010:80") == "127.0.0.1 8000-8010 80/tcp");
  CHECK(published("0:80-81") == "- 0 80/tcp; - 0 81/tcp");
  CHECK(published("80-80") == "- 0 80/tcp");
  CHECK(published("65535:65535") == "- 65535 65535/tcp");
  CHECK(published("published=8080,target=80,protocol=udp") == "- 8080 80/udp");
  CHECK(published("target=80") == "- 0 80/tcp");
  CHECK(parse_publish("1-65535:1-65535")->size() == 65535);
}

TEST_CASE("nonsense for -p is refused with the reason") {
  CHECK(published("127.0.0.1:80") ==
        "'127.0.0.1:80' for --publish: behind an address come two ports: 127.0.0.1:80:80, or "
        "127.0.0.1::80 for any free one of the host");
  CHECK(contains(published("[::1]:80"), "come two ports"));
  CHECK(contains(published("[::1]"), "come two ports"));
  CHECK(contains(published("[::1]8080:80"), "come two ports"));
  CHECK(contains(published("[::1:8080:80"), "not closed"));
  CHECK(contains(published("localhost:80:80"), "without one it is localhost"));
  CHECK(contains(published("example.com:80:80"), "'example.com' is no IP address"));
  CHECK(contains(published("1.2.3:80:80"), "no IP address"));
  CHECK(contains(published("fe80::1%eth0:80:80"), "no IP address"));
  CHECK(contains(published("8000-8001:90-95"), "2 ports of the host for 6 of the container"));
  CHECK(contains(published("80:90-91"), "the ranges differ"));
  CHECK(contains(published("80-70"), "lower one first"));
  CHECK(contains(published("0-70"), "lower one first"));
  CHECK(contains(published("0-5:80"), "lower one first"));
  CHECK(contains(published("0"), "port 0"));
  CHECK(contains(published("8080:0"), "port 0"));
  CHECK(contains(published("70000"), "'70000' is no port"));
  CHECK(contains(published("70000:80"), "from 1 to 65535"));
  CHECK(contains(published("80/foo"), "tcp, udp and sctp"));
  CHECK(contains(published("80/tcp/udp"), "is no port"));
  for (const char* empty : {"", ":", "80:", "/tcp", "127.0.0.1:80:", "[::1]:80:"})
    CHECK_MESSAGE(contains(published(empty), "is missing"), empty);
  for (const char* bad : {"-1", "-", "80-", "-80", " 80", "80 ", "+80", "0x50", "8e1", "http",
                          "80,81", "8080:80:tcp", "1:2:3:4:5", "80\n", "1-2-3"})
    CHECK_MESSAGE(contains(published(bad), "for --publish"), bad);
  CHECK(contains(published("published=80"), "target=80"));
  CHECK(contains(published("target=80,mode=host"), "unknown field 'mode=host'"));
  CHECK(contains(published("target=80,"), "unknown field"));
  CHECK(contains(message(parse_publish("x", "publish-add")), "for --publish-add"));
}

TEST_CASE("two ports of a container cannot have one of the host") {
  CHECK(parse_published({"8080:80", "8080:80/udp", "8081:80"}));
  CHECK(parse_published({"127.0.0.1:8080:80", "127.0.0.2:8080:81", "[::1]:8080:81"}));
  CHECK(parse_published({"80", "80", "8000-8010:81", "8000-8010:82"}));
  CHECK(parse_published({"0.0.0.0:80:80", "[::]:80:80"}));
  CHECK(contains(message(parse_published({"8080:80", "8080:81"})), "8080/tcp of the host"));
  CHECK(contains(message(parse_published({"8080:80", "8080:80"})), "8080/tcp"));
  CHECK_FALSE(parse_published({"8080:80", "127.0.0.1:8080:81"}));
  CHECK_FALSE(parse_published({"8080:80", "any:8080:81"}));
  CHECK_FALSE(parse_published({"[::]:8080:80", "[2001:db8::1]:8080:81"}));
  CHECK_FALSE(parse_published({"8000-8005:80-85/udp", "8005:90/udp"}));
}

TEST_CASE("ports of --expose") {
  CHECK(*parse_expose("80") == std::vector<std::string>{"80/tcp"});
  CHECK(*parse_expose("80-82/udp") == std::vector<std::string>{"80/udp", "81/udp", "82/udp"});
  CHECK(contains(message(parse_expose("8080:80")), "--publish"));
  for (const char* bad : {"", "x", "80/foo", "0", "82-80", "70000", "80-", "/tcp"})
    CHECK_MESSAGE(contains(message(parse_expose(bad)), "for --expose"), bad);
}

TEST_CASE("the PORTS column") {
  CHECK(ports_text({}, {}).empty());
  CHECK(ports_text({}, {"9000/tcp"}) == "9000/tcp");
  CHECK(ports_text({port("127.0.0.1", 8080, 80)}, {"80/tcp", "9000/tcp"}) ==
        "9000/tcp, 127.0.0.1:8080->80/tcp");
  CHECK(ports_text({port("0.0.0.0", 80, 80), port("::", 80, 80)}, {}) ==
        "0.0.0.0:80->80/tcp, [::]:80->80/tcp");
  CHECK(ports_text({}, {"8001/tcp", "8000/tcp", "8002/tcp", "8004/tcp", "53/udp"}) ==
        "8000-8002/tcp, 53/udp, 8004/tcp");
  CHECK(ports_text({port("0.0.0.0", 8001, 8001), port("0.0.0.0", 8000, 8000)}, {}) ==
        "0.0.0.0:8000-8001->8000-8001/tcp");
  // Ranges that are others outside are told one by one, as Docker does.
  CHECK(ports_text({port("0.0.0.0", 9001, 8001), port("0.0.0.0", 9000, 8000)}, {}) ==
        "0.0.0.0:9000->8000/tcp, 0.0.0.0:9001->8001/tcp");
  CHECK(ports_text({port("::1", 53, 53, Protocol::Udp)}, {"53/tcp"}) == "53/tcp, [::1]:53->53/udp");
  CHECK(ports_text({}, {"nonsense", "80/tcp"}) == "80/tcp");
}

TEST_CASE("who reaches a port, and the order of ports") {
  CHECK(who_reaches(*Address::parse("127.0.0.1")) == "this machine only");
  CHECK(who_reaches(*Address::parse("::1")) == "this machine only");
  CHECK(who_reaches(*Address::parse("0.0.0.0")) == "everybody who reaches this machine");
  CHECK(who_reaches(*Address::parse("10.0.0.1")) == "everybody who reaches 10.0.0.1");
  std::vector<std::string> lines = {"443/tcp -> b", "80/tcp -> a", "080/tcp -> a",
                                    "8080/tcp",     "80/udp",      "80"};
  std::ranges::sort(lines, natural_less);
  CHECK(lines.front() == "80");
  CHECK(lines.back() == "8080/tcp");
  CHECK(natural_less("80/tcp", "443/tcp"));
  CHECK_FALSE(natural_less("443/tcp", "80/tcp"));
  CHECK_FALSE(natural_less("80/tcp", "80/tcp"));
}
