// SPDX-License-Identifier: Apache-2.0
#include "network/dns_message.h"

#include <doctest/doctest.h>

using namespace tare;
using namespace tare::network;
using namespace tare::network::dns;
using namespace std::string_literals;

namespace {

Query sample(const char* name, std::uint16_t type = kA) {
  return {.id = 0x1234,
          .wants_recursion = true,
          .question = {.name = Name::parse(name).value(), .type = type}};
}

unsigned byte(const std::string& message, std::size_t at) {
  return static_cast<unsigned char>(message[at]);
}

Kind refused(const std::string& message) {
  const auto query = parse_query(message);
  REQUIRE_FALSE(query);
  return query.error().kind();
}

// A header with one question and `more` records behind it, and what stands there.
std::string query_of(const std::string& rest, char more = 0) {
  return "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00"s + more + rest;
}

// An answer of another server: flags, the counts of its sections, the records.
std::string reply_of(const std::string& flags, char answers, char authorities,
                     const std::string& records) {
  return "\x12\x34"s + flags + "\x00\x01\x00"s + answers + "\x00"s + authorities + "\x00\x00"s +
         "\x03web\x00\x00\x01\x00\x01"s + records;
}

}  // namespace

TEST_CASE("network: a DNS query comes back as it was printed") {
  Query query = sample("Web.Example");
  CHECK(parse_query(print_query(query, query.id)).value() == query);
  query.checking_disabled = true;
  query.edns = Edns{.payload = kOurPayload, .version = 0, .wants_dnssec = true};
  CHECK(parse_query(print_query(query, query.id)).value() == query);
  CHECK(parse_query(print_query(query, 7)).value().id == 7);
  CHECK(query.question.name.text() == "web.example");
  CHECK(query.question.name != Name::parse("web.example").value());
}

TEST_CASE("network: DNS names are read with care") {
  // Labels that are no host names.
  CHECK(Name{"\x03"s + "a.\\"s + "\x00"s}.text() == "a\\.\\\\");
  CHECK(Name{"\x00"s}.text().empty());
  CHECK_FALSE(Name::parse("a..b"));
  CHECK_FALSE(Name::parse(std::string(64, 'a')));
  CHECK(Name::parse(std::string(63, 'a')));
  const std::string label(49, 'a');
  CHECK(Name::parse(label + "." + label + "." + label + "." + label + "." + label + ".aaa"));
  CHECK_FALSE(Name::parse(label + "." + label + "." + label + "." + label + "." + label + ".aaaa"));

  CHECK(refused(query_of("\x03we"s)) == Kind::Invalid);
  CHECK(refused(query_of("\x03web\x00\x00\x01\x00"s)) == Kind::Invalid);
  CHECK(refused(query_of("\xc0\x0c\x00\x01\x00\x01"s)) == Kind::Invalid);  // To itself.
  CHECK(refused(query_of("\xc0\x20\x00\x01\x00\x01"s)) == Kind::Invalid);  // Forward.
  CHECK(refused(query_of("\xc0\x04\x00\x01\x00\x01"s)) == Kind::Invalid);  // Into the header.
  CHECK(refused(query_of("\x43web\x00\x00\x01\x00\x01"s)) == Kind::Invalid);
}

TEST_CASE("network: what is no DNS query is refused by what it is") {
  CHECK(refused("") == Kind::Corrupt);
  CHECK(refused("\x12\x34\x81"s) == Kind::Corrupt);
  std::string message = query_of("\x03web\x00\x00\x01\x00\x01"s);
  CHECK(parse_query(message));
  message[2] = '\x81';  // An answer: to answer that is to talk to oneself.
  CHECK(refused(message) == Kind::Corrupt);
  message[2] = '\x29';  // An update.
  CHECK(refused(message) == Kind::Unsupported);
  CHECK(print_refusal(message, Code::NotImplemented) == "\x12\x34\xa9\x04\0\0\0\0\0\0\0\0"s);
  message[2] = '\x01';
  message[5] = '\x02';
  CHECK(refused(message) == Kind::Invalid);
  CHECK(print_refusal(message, Code::FormError) == "\x12\x34\x81\x01\0\0\0\0\0\0\0\0"s);
}

TEST_CASE("network: EDNS says how much an answer may have") {
  const std::string question = "\x03web\x00\x00\x01\x00\x01"s;
  const std::string opt = "\x00\x00\x29\x10\x01\x00\x00\x80\x00\x00\x00"s;
  const Query query = parse_query(query_of(question + opt, 1)).value();
  CHECK(query.edns == Edns{.payload = 0x1001, .version = 0, .wants_dnssec = true});
  CHECK(query.datagram_limit() == 4096);
  CHECK(sample("web").datagram_limit() == 512);
  Query small = sample("web");
  small.edns = Edns{.payload = 100};
  CHECK(small.datagram_limit() == 512);
  CHECK(refused(query_of(question + opt + opt, 2)) == Kind::Invalid);
  CHECK(refused(query_of(question + "\x01"s + "a" + opt, 1)) == Kind::Invalid);
  CHECK(refused(query_of(question + opt.substr(0, 10), 1)) == Kind::Invalid);
  // Its options are not ours, and their length is what counts.
  CHECK(parse_query(query_of(question + opt.substr(0, 10) + "\x02xx"s, 1)));
  CHECK(refused(query_of(question + opt.substr(0, 10) + "\x03xx"s, 1)) == Kind::Invalid);
}

TEST_CASE("network: a DNS answer has the question as it was asked, and what fits") {
  Query query = sample("WeB");
  std::vector<Record> records;
  for (int i = 0; i < 100; ++i)
    records.push_back(address_record(Address::parse("10.0.0.1").value().plus(i), 2));
  const std::string whole = print_answer(query, Code::NoError, records, kMostBytes);
  CHECK(whole.size() == 12 + 9 + 100 * 16);
  CHECK(whole.substr(12, 5) == "\x03WeB\x00"s);
  CHECK(whole.substr(2, 2) == "\x85\x80"s);
  const Reply reply = parse_reply(whole).value();
  CHECK(reply.question == query.question);
  CHECK(reply.lifetime == 2);
  CHECK(reply.ttl_places.size() == 100);
  const std::string cut = print_answer(query, Code::NoError, records, 512);
  CHECK(cut.size() <= 512);
  CHECK(cut.size() > 512 - 16);
  CHECK(parse_reply(cut).value().is_truncated);
  query.edns = Edns{.payload = 600};
  const std::string with_opt = print_answer(query, Code::NoError, records, query.datagram_limit());
  CHECK(with_opt.size() <= 600);
  CHECK(parse_reply(with_opt).value().is_truncated);
  CHECK(parse_reply(print_answer(query, Code::BadVersion, {}, 512)).value().code == 16);
  CHECK(parse_reply(print_truncated(query)).value().is_truncated);
}

TEST_CASE("network: of other servers' answers it is found out how long they hold") {
  const std::string a = "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x0a\x00\x00\x01"s;
  const std::string b = "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x0a\x00\x04\x0a\x00\x00\x02"s;
  const std::string negative = "\xc0\x0c\x00\x01\x00\x01\x80\x00\x00\x0a\x00\x04\x0a\x00\x00\x02"s;
  CHECK(parse_reply(reply_of("\x81\x80"s, 2, 0, a + b)).value().lifetime == 10);
  CHECK(parse_reply(reply_of("\x81\x80"s, 1, 0, negative)).value().lifetime == 0);
  const std::string numbers = "\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5"s;
  const std::string soa = "\x00\x00\x06\x00\x01\x00\x00\x00\x3c\x00\x16\x00\x00"s + numbers;
  const Reply none = parse_reply(reply_of("\x81\x83"s, 0, 1, soa)).value();
  CHECK(none.lifetime == 5);
  CHECK(none.is_negative);
  CHECK(none.code == 3);
  CHECK(parse_reply(reply_of("\x81\x83"s, 0, 0, "")).value().lifetime == 0);
  CHECK_FALSE(parse_reply(reply_of("\x01\x00"s, 0, 0, "")));
  CHECK_FALSE(parse_reply(reply_of("\x81\x80"s, 1, 0, a.substr(0, 15))));

  std::string message = reply_of("\x81\x80"s, 2, 0, a + b);
  Query query = sample("wEB");
  query.id = 0x7777;
  adapt_reply(message, parse_reply(message).value().ttl_places, query, 20);
  CHECK(message.substr(0, 2) == "\x77\x77");
  CHECK(message.substr(12, 5) == "\x03wEB\x00"s);
  CHECK(byte(message, 12 + 9 + 9) == 40);
  CHECK(byte(message, 12 + 9 + 16 + 9) == 0);
}

TEST_CASE("network: addresses of an answer are those of its answer section") {
  const std::string alias = "\xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x3c\x00\x02\xc0\x0c"s;
  const std::string a = "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x0a\x00\x00\x01"s;
  const std::string negative = "\xc0\x0c\x00\x01\x00\x01\x80\x00\x00\x0a\x00\x04\x0a\x00\x00\x02"s;
  const std::string aaaa =
      "\xc0\x0c\x00\x1c\x00\x01\x00\x00\x00\x07\x00\x10"s + std::string(15, '\0') + "\x01";
  const std::string odd = "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x02\x0a\x00"s;
  const std::string other_class =
      "\xc0\x0c\x00\x01\x00\x03\x00\x00\x00\x3c\x00\x04\x0a\x00\x00\x03"s;
  const auto found = answered_addresses(
      reply_of("\x81\x80"s, 6, 1, alias + a + negative + aaaa + odd + other_class + a));
  REQUIRE(found.size() == 3);
  CHECK(found[0] == AnsweredAddress{.address = Address::parse("10.0.0.1").value(), .ttl = 60});
  CHECK(found[1] == AnsweredAddress{.address = Address::parse("10.0.0.2").value(), .ttl = 0});
  CHECK(found[2] == AnsweredAddress{.address = Address::parse("::1").value(), .ttl = 7});
  CHECK(answered_addresses("").empty());
  CHECK(answered_addresses(reply_of("\x81\x80"s, 0, 1, a)).empty());
}

TEST_CASE("network: names of addresses lead back to them") {
  for (const char* text : {"10.1.2.3", "255.0.0.1", "fd00::12", "2001:db8:1:2:3:4:5:6"}) {
    const Address address = Address::parse(text).value();
    CHECK(reverse_address(reverse_name(address)) == address);
  }
  CHECK(reverse_name(Address::parse("10.1.2.3").value()) == "3.2.1.10.in-addr.arpa");
  for (const char* text :
       {"2.1.10.in-addr.arpa", "4.3.2.1.10.in-addr.arpa", "x.2.1.10.in-addr.arpa",
        "256.2.1.10.in-addr.arpa", "1.ip6.arpa", "3.2.1.10.example", "arpa"})
    CHECK_FALSE(reverse_address(text));
}
